/**
 * A sortable table of rows of one kind; on a phone each row is a card.
 *
 * Shape:  the first column names the row. A column says how it sorts and what it shows; figures
 *         stand at the right.
 */
import { useMemo, useState, type ReactNode } from "react";
import { localeOf } from "../format/number.ts";
import { useWords } from "../locales/words.tsx";
import { Field } from "./field.tsx";
import { SortHead, type SortBy } from "./sort-head.tsx";
import { sortBy, type SortValue } from "./sort-rows.ts";

export type Column<T> = {
  readonly id: string;
  readonly title: string;
  readonly isRight?: boolean;
  readonly value: (row: T) => SortValue;
  readonly show: (row: T) => ReactNode;
};

type Props<T> = {
  readonly title: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly first: SortBy;
};

/** Rows shown before the reader asks for the others. */
const FIRST_ROWS = 12;

export const DataTable = <T,>({ title, columns, rows, keyOf, first }: Props<T>) => {
  const { t, lang } = useWords();
  const [sort, setSort] = useState(first);
  const [isWhole, setWhole] = useState(false);
  const collator = useMemo(() => new Intl.Collator(localeOf(lang), { numeric: true }), [lang]);
  const by = columns.find(({ id }) => id === sort.column)?.value ?? columns[0]?.value;
  const sorted = by === undefined ? rows : sortBy(rows, by, sort.isDown, collator);
  const shown = isWhole ? sorted : sorted.slice(0, FIRST_ROWS);
  const [head, ...others] = columns;
  return (
    <>
      <div className="wide">
        <table className="table cards data-table">
          <caption className="hidden">{title}</caption>
          <thead>
            <tr>
              {columns.map(({ id, title: name, isRight = false }) => (
                <SortHead key={id} column={id} sort={sort} onSort={setSort} isRight={isRight}>
                  {name}
                </SortHead>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={keyOf(row)}>
                <th scope="row">{head?.show(row)}</th>
                {others.map(({ id, title: name, isRight = false, show }) => (
                  <Field key={id} label={name} className={isRight ? "right" : ""}>
                    {show(row)}
                  </Field>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > FIRST_ROWS && (
        <button
          type="button"
          className="button button-plain more-rows"
          aria-expanded={isWhole}
          onClick={() => setWhole(!isWhole)}
        >
          {isWhole ? t("table.less") : t("table.more", { count: rows.length - FIRST_ROWS })}
        </button>
      )}
    </>
  );
};
