/** Values at one instant, filtered by words and sorted by any column. */
import { useMemo, useState } from "react";
import { localeOf } from "../format/number.ts";
import { measure } from "../format/unit.ts";
import { useWords } from "../locales/words.tsx";
import { Field } from "../parts/field.tsx";
import { SortHead } from "../parts/sort-head.tsx";
import { SharedLabels } from "./labels.tsx";
import { sharedLabels } from "./lines.ts";
import { seriesName, type Labels } from "./prometheus.ts";
import { columnsOf, filterRows, MAX_COLUMNS, sortRows, type Row, type Sort } from "./table.ts";

/** Rows shown at once; more come by asking. */
const PAGE_ROWS = 200;

export const InstantTable = ({ rows }: { readonly rows: readonly Row[] }) => {
  const { t, lang } = useWords();
  const [filter, setFilter] = useState("");
  const [sort, setSort] = useState<Sort>({ column: "value", isDown: true });
  const [most, setMost] = useState(PAGE_ROWS);
  const collator = useMemo(() => new Intl.Collator(localeOf(lang), { numeric: true }), [lang]);
  const shared = useMemo(() => sharedLabels(rows.map(({ labels }) => labels)), [rows]);
  const columns = useMemo(
    () => columnsOf(rows).filter((label) => !(label in shared)),
    [rows, shared],
  );
  const wanted = useMemo(
    () => sortRows(filterRows(rows, filter), sort, collator),
    [rows, filter, sort, collator],
  );
  const hasLetters = new Set(rows.map(({ letter }) => letter)).size > 1;
  const [own, others] = [columns.slice(0, MAX_COLUMNS), columns.slice(MAX_COLUMNS)];
  const head = { sort, onSort: setSort };
  return (
    <>
      <div className="table-tools">
        <label className="search">
          <span className="hidden">{t("explore.filter")}</span>
          <input
            type="search"
            value={filter}
            placeholder={t("explore.filter")}
            onChange={({ target }) => setFilter(target.value)}
          />
        </label>
        <output className="quiet">
          {t("explore.rows", { shown: wanted.length, count: rows.length })}
        </output>
      </div>
      <SharedLabels labels={shared} />
      <div className="wide">
        <table className="table cards instant-table">
          <caption className="hidden">{t("explore.table")}</caption>
          <thead>
            <tr>
              {hasLetters && (
                <SortHead {...head} column="letter">
                  {t("explore.letter")}
                </SortHead>
              )}
              {own.map((label) => (
                <SortHead key={label} {...head} column={label}>
                  {label === "__name__" ? t("explore.metric") : label}
                </SortHead>
              ))}
              {columns.length === 0 && <th scope="col">{t("explore.series")}</th>}
              {others.length > 0 && <th scope="col">{t("explore.otherLabels")}</th>}
              <SortHead {...head} column="value" isRight>
                {t("explore.value")}
              </SortHead>
            </tr>
          </thead>
          <tbody>
            {wanted.slice(0, most).map((row) => (
              <InstantRow key={row.key} {...{ row, own, others, hasLetters }} />
            ))}
          </tbody>
        </table>
      </div>
      {wanted.length === 0 && <p className="plot-empty">{t("explore.noRow")}</p>}
      {wanted.length > most && (
        <button type="button" className="button" onClick={() => setMost(most + PAGE_ROWS)}>
          {t("explore.moreRows", { count: Math.min(PAGE_ROWS, wanted.length - most) })}
        </button>
      )}
    </>
  );
};

type RowProps = {
  readonly row: Row;
  readonly own: readonly string[];
  readonly others: readonly string[];
  readonly hasLetters: boolean;
};

const InstantRow = ({ row, own, others, hasLetters }: RowProps) => {
  const { t, lang } = useWords();
  const { labels, letter, value, unit } = row;
  const rest: Labels = Object.fromEntries(
    others.flatMap((label) => (label in labels ? [[label, labels[label] ?? ""]] : [])),
  );
  return (
    <tr>
      {hasLetters && <Field label={t("explore.letter")}>{letter}</Field>}
      {own.map((label) => (
        <Field key={label} label={label === "__name__" ? t("explore.metric") : label}>
          <code>{labels[label] ?? ""}</code>
        </Field>
      ))}
      {own.length === 0 && (
        <Field label={t("explore.series")}>
          <code>{seriesName(labels)}</code>
        </Field>
      )}
      {others.length > 0 && (
        <Field label={t("explore.otherLabels")}>
          <code>{seriesName(rest)}</code>
        </Field>
      )}
      <Field label={t("explore.value")} className="right strong now">
        <span title={String(value)}>{measure(lang, value, unit)}</span>
      </Field>
    </tr>
  );
};
