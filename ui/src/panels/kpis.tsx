/**
 * Every KPI against its target, by category.
 *
 * URL: `verdict` and `category` filter the table, `kpi` opens one KPI's detail.
 */
import type { Kpi, KpiList } from "../../../src/contract/kpi.ts";
import { comparison, quantity } from "../format/number.ts";
import { age } from "../format/time.ts";
import { useReload, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { Field } from "../parts/field.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { VerdictMark } from "../parts/marks.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { PageLink } from "../shell/page-link.tsx";
import { useParam } from "../shell/place.ts";
import { useSearch } from "wouter";
import { useHeld } from "./use-held.ts";

const SKELETON_ROWS = 12;
const CATEGORIES = ["technical", "user", "business", "operational"] as const;
const VERDICTS = ["pass", "fail", "unknown"] as const;
const COLUMNS = [
  ["value", "right"],
  ["target", "right"],
  ["verdict", ""],
  ["alert", "right"],
  ["frequency", ""],
  ["owner", ""],
  ["freshnessOrReason", ""],
] as const;

export const KpisPanel = () => {
  const { t } = useWords();
  const { data, fault, loading } = useSlot("kpis");
  const reload = useReload("kpis");
  return (
    <Panel
      name="kpis"
      title={t("kpis.title")}
      note={data && t("kpis.note", { count: data.items.length })}
      tools={data && <Filters counts={data.counts} />}
      fault={fault}
      loading={loading}
      onRetry={reload}
      skeleton={<RowsSkeleton rows={SKELETON_ROWS} />}
    >
      {data && <KpiTable items={data.items} />}
    </Panel>
  );
};

const Filters = ({ counts }: { readonly counts: KpiList["counts"] }) => {
  const { t } = useWords();
  const [verdict, setVerdict] = useParam("verdict");
  const [category, setCategory] = useParam("category");
  return (
    <div className="filters">
      <fieldset className="filter-group">
        <legend className="hidden">{t("kpis.byVerdict")}</legend>
        {VERDICTS.map((value) => (
          <button
            key={value}
            type="button"
            className="filter"
            aria-pressed={verdict === value}
            onClick={() => setVerdict(verdict === value ? undefined : value)}
          >
            <VerdictMark verdict={value} of="kpi" />
            <span className="figure">{counts[value]}</span>
          </button>
        ))}
      </fieldset>
      <label className="select">
        <span className="hidden">{t("kpis.byCategory")}</span>
        <select
          value={category ?? ""}
          onChange={({ target }) => setCategory(target.value === "" ? undefined : target.value)}
        >
          <option value="">{t("category.all")}</option>
          {CATEGORIES.map((value) => (
            <option key={value} value={value}>
              {t(`category.${value}`)}
            </option>
          ))}
        </select>
        <Glyph shape="chevron" />
      </label>
    </div>
  );
};

const KpiTable = ({ items }: { readonly items: readonly Kpi[] }) => {
  const { t } = useWords();
  const [verdict] = useParam("verdict");
  const [category] = useParam("category");
  const wanted = items.filter(
    (kpi) =>
      (verdict === undefined || (kpi.reading?.verdict ?? "unknown") === verdict) &&
      (category === undefined || kpi.category === category),
  );
  // A KPI that leaves the filter stays until the reader looks away; another filter is a new list.
  const filter = `${verdict ?? ""}|${category ?? ""}`;
  return wanted.length === 0 ? (
    <p className="plot-empty">{t("kpis.none")}</p>
  ) : (
    <HeldTable key={filter} items={wanted} all={items} />
  );
};

type TableProps = { readonly items: readonly Kpi[]; readonly all: readonly Kpi[] };

const HeldTable = ({ items, all }: TableProps) => {
  const { t } = useWords();
  const { rows, guard } = useHeld(items);
  const newest = new Map(all.map((kpi) => [kpi.id, kpi]));
  const kpis = rows.map(({ item }) => newest.get(item.id) ?? item);
  return (
    <table className="table cards kpis" {...guard}>
      <caption className="hidden">{t("kpis.title")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("column.kpi")}</th>
          {COLUMNS.map(([column, className]) => (
            <th key={column} scope="col" className={className}>
              {t(`column.${column}`)}
            </th>
          ))}
        </tr>
      </thead>
      {CATEGORIES.map((category) => {
        const own = kpis.filter((kpi) => kpi.category === category);
        return (
          own.length > 0 && (
            <tbody key={category} data-category={category}>
              <tr className="group">
                <th scope="rowgroup" colSpan={COLUMNS.length + 1}>
                  {t(`category.${category}`)}
                  <span className="group-note">
                    {t("kpis.measured", {
                      measured: own.filter(isKnown).length,
                      count: own.length,
                    })}
                  </span>
                </th>
              </tr>
              {own.map((kpi) => (
                <KpiRow key={kpi.id} kpi={kpi} />
              ))}
            </tbody>
          )
        );
      })}
    </table>
  );
};

const isKnown = ({ reading }: Kpi): boolean => reading !== null && reading.verdict !== "unknown";

const KpiRow = ({ kpi }: { readonly kpi: Kpi }) => {
  const { t, say, lang } = useWords();
  const search = useSearch();
  const { reading, unit } = kpi;
  const to = new URLSearchParams(search);
  to.set("kpi", kpi.id);
  const known = isKnown(kpi);
  return (
    <tr data-kpi={kpi.id} data-breached={kpi.breached} data-known={known}>
      <th scope="row">
        <PageLink to={`/go?${to.toString()}`} className="row-link" data-row>
          {say(kpi.name)}
        </PageLink>
      </th>
      <Field label={t("column.value")} className="right strong now">
        {quantity(lang, reading?.value ?? null, unit)}
      </Field>
      <Field label={t("column.target")} className="right aim">
        {comparison(lang, kpi.target, unit)}
      </Field>
      <Field label={t("column.verdict")} className="verdict">
        <VerdictMark verdict={reading?.verdict ?? "unknown"} of="kpi" />
      </Field>
      <Field label={t("column.alert")} className="right quiet bound">
        {kpi.breached ? (
          <span className="mark mark-degraded">
            <Glyph shape="triangle" />
            {comparison(lang, kpi.alert, unit)}
            <span className="hidden">{t("kpis.breached")}</span>
          </span>
        ) : (
          comparison(lang, kpi.alert, unit)
        )}
      </Field>
      <Field label={t("column.frequency")} className="quiet more">
        {t(`frequency.${kpi.frequency}`)}
      </Field>
      <Field label={t("column.owner")} className="quiet more">
        {say(kpi.owner)}
      </Field>
      <Field label={t(known ? "column.freshness" : "column.reason")} className="quiet why">
        {reading === null
          ? t("why.no_data")
          : !known
            ? say(reading.reason)
            : reading.freshnessMs === null
              ? "–"
              : age(lang, reading.freshnessMs)}
      </Field>
    </tr>
  );
};
