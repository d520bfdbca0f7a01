/** Error rate or response time over 15 minutes, as a chart or as its table. */
import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import type { Panel as PanelData } from "../../../src/contract/ops.ts";
import { scaleFor, spanScale } from "../charts/scale.ts";
import { isEmpty, spreadOf, type SeriesWindow } from "../charts/series-window.ts";
import { SeriesTable } from "../charts/series-table.tsx";
import { usePanel } from "../charts/use-panel.ts";
import { axisFormat, measure, stepFor } from "../format/unit.ts";
import { serverNow } from "../live/clock.ts";
import { useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { Panel } from "../parts/panel.tsx";
import { TABLE_EVENT } from "../shell/keys.ts";

const LineChart = lazy(() => import("../charts/line-chart.tsx"));

/** Top of the axis while there is nothing to measure it by. */
const EMPTY_MAX = { ratio: 0.01, s: 0.1, "By/s": 1_024, "req/s": 1 } as const;
/** Lines the hub names by what they are; the others by a name all languages share. */
const TRANSLATED: ReadonlySet<string> = new Set(["read", "write", "receive", "transmit"]);
const WANTED_TICKS = 3;
/** More lines than this cannot be told apart; the table has them all. */
const MAX_LINES = 4;

export const TrendPanel = ({ id }: { readonly id: PanelData["id"] }) => {
  const { t } = useWords();
  const { window, unit, why, fault, loading, retry } = usePanel(id);
  const [asTable, setAsTable] = useState(false);
  useEffect(() => {
    const swap = (): void => setAsTable((is) => !is);
    addEventListener(TABLE_EVENT, swap);
    return () => removeEventListener(TABLE_EVENT, swap);
  }, []);
  const title = t(`trend.${id}`);
  return (
    <Panel
      name={id}
      title={title}
      note={t("trend.span")}
      tools={
        <button
          type="button"
          className="button button-square button-quiet"
          aria-pressed={asTable}
          aria-label={t("chart.asTable", { title })}
          title={asTable ? t("chart.showChart") : t("chart.showTable")}
          onClick={() => setAsTable(!asTable)}
        >
          <Glyph shape={asTable ? "chart" : "table"} />
        </button>
      }
      fault={fault}
      loading={loading}
      onRetry={retry}
      skeleton={<span className="skeleton plot-skeleton" aria-hidden="true" />}
    >
      {window && <Trend {...{ title, window, unit, why, asTable }} />}
    </Panel>
  );
};

type TrendProps = {
  readonly title: string;
  readonly window: SeriesWindow;
  readonly unit: PanelData["unit"];
  readonly why: PanelData["why"];
  readonly asTable: boolean;
};

export const Trend = ({ title, window, unit, why, asTable }: TrendProps) => {
  const { t, lang } = useWords();
  const endMs = useEnd(window);
  const format = useMemo(() => (value: number) => measure(lang, value, unit), [lang, unit]);
  const lines = useMemo(() => {
    const named = window.names.map((name) => (TRANSLATED.has(name) ? t(`line.${name}`) : name));
    // A channel that never reported is no line of zeros, and no name without a line.
    const shown = named
      .map((_, i) => i)
      .filter((i) => !isEmpty({ values: [window.values[i] ?? []] }));
    const pick = <T,>(all: readonly T[]): T[] => shown.flatMap((i) => all.slice(i, i + 1));
    return { ...window, names: pick(named), values: pick(window.values) };
  }, [window, t]);
  const drawn = useMemo(
    () => ({
      ...lines,
      names: lines.names.slice(0, MAX_LINES),
      values: lines.values.slice(0, MAX_LINES),
    }),
    [lines],
  );
  const { min, max } = spreadOf(drawn.values.flat());
  if (isEmpty(window)) {
    return (
      <p className="plot-empty">
        <span className="mark mark-unknown">
          <Glyph shape="question" />
          {t("state.unknown")}
        </span>
        {t(`why.${why ?? "no_data"}`)}
      </p>
    );
  }
  const scale =
    unit === "By/s" || unit === "req/s"
      ? spanScale(min, max, stepFor(unit, max ?? 0).size, WANTED_TICKS)
      : scaleFor(min, max, EMPTY_MAX[unit]);
  if (asTable) return <SeriesTable title={title} window={lines} format={format} />;
  return (
    <Suspense fallback={<span className="skeleton plot-skeleton" aria-hidden="true" />}>
      <LineChart
        title={title}
        window={drawn}
        scale={scale}
        endMs={endMs}
        format={format}
        formatAxis={axisFormat(lang, unit, scale.ticks)}
      />
    </Suspense>
  );
};

/** The newest point, or the server's now when that is later by more than a step. */
const useEnd = (window: SeriesWindow): number => {
  const now = serverNow(useSlot("overview"));
  const newest = window.times.at(-1) ?? now;
  return now - newest > 2 * window.stepMs ? now : newest;
};
