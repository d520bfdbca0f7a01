/** Every metric that is here, with its type, unit and help; a click asks for it. */
import { useEffect, useMemo, useState } from "react";
import { useWords } from "../locales/words.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { RowsSkeleton } from "../parts/panel.tsx";
import { firstQuery } from "./first-query.ts";
import { unitOf } from "./infer-unit.ts";
import type { MetricInfo, Prometheus } from "./prometheus.ts";

/** Metrics listed at once; a word narrows them. */
const MAX_SHOWN = 150;

type Props = {
  readonly prometheus: Prometheus;
  readonly onPick: (expr: string) => void;
  readonly onClose: () => void;
};
type Known = { readonly name: string; readonly info: MetricInfo | undefined };

const MetricBrowser = ({ prometheus, onPick, onClose }: Props) => {
  const { t } = useWords();
  const [known, setKnown] = useState<readonly Known[]>();
  const [filter, setFilter] = useState("");
  useEffect(() => {
    let isOver = false;
    void Promise.all([prometheus.metricNames(), prometheus.metadata()]).then(([names, infos]) => {
      if (isOver) return;
      const base = (name: string): string => name.replace(/_(?:bucket|count|sum|total)$/, "");
      setKnown(names.map((name) => ({ name, info: infos[name] ?? infos[base(name)] })));
    });
    return () => {
      isOver = true;
    };
  }, [prometheus]);
  const wanted = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    return (known ?? []).filter(({ name, info }) => {
      const text = `${name} ${info?.help ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [known, filter]);
  return (
    <Dialog
      title={t("explore.metrics")}
      note={t("explore.metricsNote")}
      shape="sheet"
      onClose={onClose}
    >
      <label className="search">
        <span className="hidden">{t("explore.filterMetrics")}</span>
        <input
          type="search"
          value={filter}
          placeholder={t("explore.filterMetrics")}
          onChange={({ target }) => setFilter(target.value)}
        />
      </label>
      {known === undefined ? (
        <RowsSkeleton rows={10} />
      ) : (
        <>
          <output className="metric-count quiet">
            {known.length === 0
              ? t("explore.noMetric")
              : t("explore.metricCount", { shown: wanted.length, count: known.length })}
          </output>
          <ul className="metrics">
            {wanted.slice(0, MAX_SHOWN).map((one) => (
              <Metric key={one.name} {...one} onPick={onPick} />
            ))}
          </ul>
          {wanted.length > MAX_SHOWN && (
            <p className="quiet">
              {t("explore.moreMetrics", { count: wanted.length - MAX_SHOWN })}
            </p>
          )}
        </>
      )}
    </Dialog>
  );
};

export default MetricBrowser;

const Metric = ({ name, info, onPick }: Known & { readonly onPick: Props["onPick"] }) => {
  const { t } = useWords();
  const expr = firstQuery(name, info?.type);
  const unit = unitOf(name.replace(/_total$/, ""), info === undefined ? {} : { [name]: info });
  const type = info === undefined || info.type === "unknown" ? "" : info.type;
  return (
    <li>
      <button type="button" className="metric" data-row onClick={() => onPick(expr)}>
        <code className="metric-name">{name}</code>
        <span className="metric-type">
          {[
            ...(TYPES.has(type) ? [t(`explore.type.${type}`)] : []),
            ...(unit === undefined || unit === "number" ? [] : [t(`unit.${unit}`)]),
          ].join(" · ")}
        </span>
        {info !== undefined && info.help !== "" && (
          <span className="metric-help" lang="en">
            {info.help}
          </span>
        )}
      </button>
    </li>
  );
};

const TYPES = new Set([
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
]);
