/** Rate, errors and durations: the columns every table of calls has. */
import { MISSING, percent } from "../../format/number.ts";
import { measure } from "../../format/unit.ts";
import type { Words } from "../../locales/words.tsx";
import type { Column } from "../../parts/data-table.tsx";
import { Glyph } from "../../parts/glyph.tsx";

export type Red = {
  readonly rate: number | null;
  readonly errors: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
};

/** `limit` is the share of errors from which one is alerted. */
export const redColumns = <T extends Red>(
  { t, lang }: Words,
  limit: number | null,
): readonly Column<T>[] => [
  {
    id: "rate",
    title: t("app.rate"),
    isRight: true,
    value: ({ rate }) => rate,
    show: ({ rate }) => measure(lang, rate, "req/s"),
  },
  {
    id: "errors",
    title: t("app.errors"),
    isRight: true,
    value: ({ errors }) => errors,
    show: ({ errors }) => (
      <Errors isFailing={isFailing(errors, limit)}>{shareIn(lang, errors)}</Errors>
    ),
  },
  ...(["p50", "p90", "p99"] as const).map((id): Column<T> => ({
    id,
    title: id.toUpperCase(),
    isRight: true,
    value: (row) => row[id],
    show: (row) => measure(lang, row[id], "s"),
  })),
];

const shareIn = (lang: Words["lang"], share: number | null): string =>
  share === null ? MISSING : percent(lang, share, 2);

export const isFailing = (share: number | null, limit: number | null): boolean =>
  share !== null && share > (limit ?? 0);

type ErrorsProps = { readonly isFailing: boolean; readonly children: string };

/** Marked only where there are too many. */
const Errors = ({ isFailing, children }: ErrorsProps) =>
  isFailing ? (
    <span className="mark mark-degraded">
      <Glyph shape="triangle" />
      {children}
    </span>
  ) : (
    children
  );
