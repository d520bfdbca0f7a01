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

export const redColumns = <T extends Red>({ t, lang }: Words): readonly Column<T>[] => [
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
    show: ({ errors }) => <Errors share={errors}>{shareIn(lang, errors)}</Errors>,
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

type ErrorsProps = { readonly share: number | null; readonly children: string };

/** Marked only where there are some. */
const Errors = ({ share, children }: ErrorsProps) =>
  share !== null && share > 0 ? (
    <span className="mark mark-degraded">
      <Glyph shape="triangle" />
      {children}
    </span>
  ) : (
    children
  );
