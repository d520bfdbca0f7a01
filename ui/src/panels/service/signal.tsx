/**
 * A service's own rate, errors and response times over 15 minutes, from its traces.
 *
 * Asked in PromQL as the explorer does; a hidden page does not ask.
 */
import { useEffect, useRef, useState } from "react";
import type { Panel as PanelData } from "../../../../src/contract/ops.ts";
import type { Fault } from "../../api/client.ts";
import { SPAN_MS, type SeriesWindow } from "../../charts/series-window.ts";
import { prometheusOf } from "../../explore/prometheus.ts";
import { serverNow } from "../../live/clock.ts";
import { useApi, useSlot } from "../../live/context.tsx";
import { waitVisible } from "../../live/wait-visible.ts";
import { useWords } from "../../locales/words.tsx";
import { Panel } from "../../parts/panel.tsx";
import { PageLink } from "../../shell/page-link.tsx";
import { Trend } from "../trend.tsx";

const STEP_MS = 5_000;
const PERIOD_MS = 5_000;
const CALLS = "traces_span_metrics_calls_total";
const BUCKETS = "traces_span_metrics_duration_milliseconds_bucket";

type Line = { readonly name: string; readonly expr: string };
export const SIGNALS = ["rate", "errors", "latency"] as const;
type Signal = (typeof SIGNALS)[number];
const UNITS: Readonly<Record<Signal, PanelData["unit"]>> = {
  ...{ rate: "req/s", errors: "ratio", latency: "s" },
};

const linesOf = (signal: Signal, service: string, own: string): readonly Line[] => {
  const of = `service_name=${JSON.stringify(service)}`;
  const calls = `sum(rate(${CALLS}{${of}}[1m]))`;
  const quantile = (q: number): string =>
    `histogram_quantile(${q}, sum by (le) (rate(${BUCKETS}{${of}}[1m]))) / 1000`;
  switch (signal) {
    case "rate":
      return [{ name: own, expr: calls }];
    case "errors": {
      const failed = `sum(rate(${CALLS}{${of},status_code="STATUS_CODE_ERROR"}[1m]))`;
      return [{ name: own, expr: `(${failed} or vector(0)) / ${calls}` }];
    }
    case "latency":
      return [0.5, 0.9, 0.99].map((q) => ({ name: `P${q * 100}`, expr: quantile(q) }));
  }
};

type Props = { readonly signal: Signal; readonly service: string };

export const SignalPanel = ({ signal, service }: Props) => {
  const { t } = useWords();
  const title = t(`signal.${signal}`);
  const { window, fault, lines, retry } = useLines(signal, service, title);
  const query = lines.map(({ expr }) => `q=${encodeURIComponent(expr)}`).join("&");
  return (
    <Panel
      name={`signal-${signal}`}
      title={title}
      note={t("trend.span")}
      tools={
        <PageLink to={`/explore?${query}`} className="inline-link explore-link">
          {t("nav.explore")}
          <span className="hidden"> : {title}</span>
        </PageLink>
      }
      fault={fault}
      loading={window === undefined}
      onRetry={retry}
      skeleton={<span className="skeleton plot-skeleton" aria-hidden="true" />}
    >
      {window && <Trend {...{ title, window }} unit={UNITS[signal]} why={null} asTable={false} />}
    </Panel>
  );
};

const useLines = (signal: Signal, service: string, own: string) => {
  const api = useApi();
  const overview = useSlot("overview");
  const [window, setWindow] = useState<SeriesWindow>();
  const [fault, setFault] = useState<Fault>();
  const latest = useRef(overview);
  useEffect(() => {
    latest.current = overview;
  }, [overview]);
  const wake = useRef<() => void>(undefined);
  useEffect(() => {
    const over = new AbortController();
    const prometheus = prometheusOf(api, () => Date.now());
    const once = async (): Promise<void> => {
      const toMs = Math.floor(serverNow(latest.current) / STEP_MS) * STEP_MS;
      const span = { fromMs: toMs - SPAN_MS, toMs, stepMs: STEP_MS };
      const lines = linesOf(signal, service, own);
      const answers = await Promise.all(
        lines.map(({ expr }) => prometheus.range(expr, span, over.signal)),
      );
      if (over.signal.aborted) return;
      const failed = answers.find((one) => !one.ok);
      setFault(failed?.ok === false ? failed.fault : undefined);
      if (failed !== undefined) return;
      const times = Array.from(
        { length: SPAN_MS / STEP_MS + 1 },
        (_, i) => span.fromMs + i * STEP_MS,
      );
      const values = answers.map((answer) => {
        const points = answer.ok ? (answer.value.items[0]?.points ?? []) : [];
        const at = new Map(points);
        return times.map((time) => finite(at.get(time)));
      });
      setWindow({ stepMs: STEP_MS, names: lines.map(({ name }) => name), times, values });
    };
    const follow = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await once();
        await waitVisible(PERIOD_MS, over.signal, (now) => (wake.current = now));
      }
    };
    void follow();
    return () => over.abort();
  }, [api, signal, service, own]);
  return {
    ...{ window, fault, lines: linesOf(signal, service, own) },
    retry: () => wake.current?.(),
  };
};

/** Nothing divided by nothing was not measured. */
const finite = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : value;
