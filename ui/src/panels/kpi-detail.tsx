/** One KPI: what it means, how it is computed, what it read lately. Loads and fails alone. */
import { useCallback, useEffect, useState } from "react";
import type { Kpi, KpiDetail } from "../../../src/contract/kpi.ts";
import type { Fault } from "../api/client.ts";
import { Sparkline } from "../charts/sparkline.tsx";
import { comparison, number, quantity } from "../format/number.ts";
import { age, clockSeconds, since } from "../format/time.ts";
import { serverNow } from "../live/clock.ts";
import { useApi, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Instant } from "../parts/instant.tsx";
import { VerdictMark } from "../parts/marks.tsx";
import { FaultNotice, RowsSkeleton } from "../parts/panel.tsx";

const READINGS = 120;
const TABLE_ROWS = 30;
const HOUR_MS = 3_600_000;
const SKELETON_ROWS = 8;

type Props = { readonly id: string; readonly onClose: () => void };

export const KpiDetailSheet = ({ id, onClose }: Props) => {
  const { t, say } = useWords();
  const { detail, fault, loading, load } = useDetail(id);
  const known = useSlot("kpis").data?.items.find((kpi) => kpi.id === id);
  const kpi: Kpi | undefined = known ?? detail;
  return (
    <Dialog
      title={kpi === undefined ? id : say(kpi.name)}
      {...(kpi === undefined ? {} : { note: say(kpi.description) })}
      shape="sheet"
      onClose={onClose}
    >
      {kpi !== undefined && <Facts kpi={kpi} />}
      {fault !== undefined && <FaultNotice fault={fault} busy={loading} onRetry={load} />}
      {detail === undefined
        ? fault === undefined && <RowsSkeleton rows={SKELETON_ROWS} />
        : kpi !== undefined && <Readings kpi={kpi} readings={detail.readings} />}
      <p className="sheet-id">
        {t("kpi.id")} <code>{id}</code>
      </p>
    </Dialog>
  );
};

type Asked = {
  /** What was asked for: this KPI, at this reading, for the nth time. */
  readonly key: string;
  readonly detail: KpiDetail | undefined;
  readonly fault: Fault | undefined;
};

const useDetail = (id: string) => {
  const api = useApi();
  const [tries, setTries] = useState(0);
  // A new reading on the stream is worth a new history.
  const at = useSlot("kpis").data?.items.find((kpi) => kpi.id === id)?.reading?.at;
  const key = `${at ?? ""} ${tries}`;
  const [seen, setSeen] = useState<Asked>({ key: "", detail: undefined, fault: undefined });
  useEffect(() => {
    const over = new AbortController();
    const load = async (): Promise<void> => {
      const ask = { params: { id }, query: { limit: READINGS }, signal: over.signal };
      const answer = await api.get<KpiDetail>("kpi", ask);
      if (over.signal.aborted) return;
      setSeen((before) =>
        answer.ok
          ? { key, detail: answer.value, fault: undefined }
          : { key, detail: before.detail, fault: answer.fault },
      );
    };
    void load();
    return () => over.abort();
  }, [api, id, key]);
  const load = useCallback(() => setTries((n) => n + 1), []);
  return { detail: seen.detail, fault: seen.fault, loading: seen.key !== key, load };
};

const Facts = ({ kpi }: { readonly kpi: Kpi }) => {
  const { t, say, lang } = useWords();
  const { reading, unit, source } = kpi;
  const rows: readonly (readonly [string, string])[] = [
    ["kpi.target", comparison(lang, kpi.target, unit)],
    ["kpi.alert", comparison(lang, kpi.alert, unit)],
    ["kpi.asWritten", `${kpi.target.text} · ${kpi.alert.text}`],
    ["kpi.direction", t(`kpi.direction.${kpi.direction}`)],
    ["kpi.frequency", t(`frequency.${kpi.frequency}`)],
    ["kpi.owner", say(kpi.owner)],
    ["kpi.n", reading?.n === null || reading === null ? "–" : number(lang, reading.n)],
    [
      "kpi.freshness",
      reading?.freshnessMs === null || reading === null ? "–" : age(lang, reading.freshnessMs),
    ],
    ["kpi.formulaVersion", String(source.formulaVersion)],
  ];
  return (
    <>
      <div className="sheet-now">
        <span className="sheet-value">{quantity(lang, reading?.value ?? null, unit)}</span>
        <VerdictMark verdict={reading?.verdict ?? "unknown"} of="kpi" />
        <span className="sheet-reason">
          {reading === null ? t("why.no_data") : say(reading.reason)}
        </span>
      </div>
      <dl className="facts facts-wide">
        {rows.map(([id, text]) => (
          <div key={id}>
            <dt>{t(id)}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <h3>{t("kpi.source", { kind: t(`source.${source.kind}`) })}</h3>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls sideways */}
      <pre className="formula" tabIndex={0} aria-label={t("kpi.formula")}>
        {source.text}
      </pre>
    </>
  );
};

type ReadingsProps = { readonly kpi: Kpi; readonly readings: KpiDetail["readings"] };

const Readings = ({ kpi, readings }: ReadingsProps) => {
  const { t, lang } = useWords();
  const now = serverNow(useSlot("overview"));
  const sorted = readings.toSorted((a, b) => a.at.localeCompare(b.at));
  const latest = sorted.toReversed().slice(0, TABLE_ROWS);
  return (
    <>
      <h3>{t("kpi.readings")}</h3>
      {sorted.some(({ value }) => value !== null) && <Chart kpi={kpi} readings={sorted} />}
      {sorted.length === 0 ? (
        <p className="sub">{t("kpi.noReadings")}</p>
      ) : (
        <table className="table readings">
          <thead>
            <tr>
              <th scope="col">{t("chart.time")}</th>
              <th scope="col" className="right">
                {t("column.value")}
              </th>
              <th scope="col">{t("column.verdict")}</th>
            </tr>
          </thead>
          <tbody>
            {latest.map(({ at, value, verdict }) => (
              <tr key={at}>
                <th scope="row">
                  <Instant at={at}>
                    {now - Date.parse(at) < HOUR_MS ? clockSeconds(lang, at) : since(lang, at, now)}
                  </Instant>
                </th>
                <td className="right">{quantity(lang, value, kpi.unit)}</td>
                <td>
                  <VerdictMark verdict={verdict} of="kpi" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
};

/** The line, and in words what its height and width are. */
const Chart = ({ kpi, readings }: ReadingsProps) => {
  const { t, lang } = useWords();
  const now = serverNow(useSlot("overview"));
  const values = readings.flatMap(({ value }) => (value === null ? [] : [value]));
  const show = (value: number): string => quantity(lang, value, kpi.unit);
  const from = readings[0]?.at;
  return (
    <figure className="figure-readings">
      <Sparkline
        readings={readings}
        target={kpi.target.value}
        label={t("kpi.sparkline", {
          count: readings.length,
          target: comparison(lang, kpi.target, kpi.unit),
        })}
      />
      <figcaption>
        {t("kpi.chart", {
          from: from === undefined ? "" : since(lang, from, now),
          min: show(Math.min(...values)),
          max: show(Math.max(...values)),
          target: comparison(lang, kpi.target, kpi.unit),
        })}
      </figcaption>
    </figure>
  );
};
