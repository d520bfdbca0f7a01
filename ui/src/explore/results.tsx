/** What the queries answered: a graph or a table, and the ways to take it elsewhere. */
import { lazy, Suspense, useMemo, useRef, useState } from "react";
import { UNITS, isUnit, type Unit } from "../format/unit.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { csvOf, type Cell } from "./csv.ts";
import { InstantTable } from "./instant-table.tsx";
import { linesOf, type Lines, type UnitOf } from "./lines.ts";
import type { ExploreState } from "./state.ts";
import { columnsOf, rowsOf, type Row } from "./table.ts";
import type { Run } from "./use-run.ts";

const Graph = lazy(() => import("./graph.tsx"));

type Props = {
  readonly state: ExploreState;
  readonly run: Run;
  readonly unitOf: UnitOf;
  readonly onState: (change: Partial<ExploreState>) => void;
  readonly onZoom: (fromMs: number, toMs: number) => void;
  readonly link: () => string;
};

export const Results = ({ state, run, unitOf, onState, onZoom, link }: Props) => {
  const { t, lang } = useWords();
  const { view } = state;
  const { results, span, loading } = run;
  const lines = useMemo(() => linesOf(results, span, unitOf), [results, span, unitOf]);
  const rows = useMemo(() => rowsOf(results, unitOf), [results, unitOf]);
  const notes = results.flatMap(({ letter, notes }) => notes.map((note) => ({ letter, note })));
  const hasAnswer = view === "graph" ? lines.series.length > 0 : rows.length > 0;
  const isAnswered = results.some(
    (one) => (view === "graph" ? one.series : one.samples) !== undefined,
  );
  const save = (): void => {
    const all = linesOf(results, span, unitOf, Number.POSITIVE_INFINITY);
    const cells = view === "graph" ? graphCells(all) : tableCells(rows);
    saveFile(
      `novaevo-${new Date(span.toMs).toISOString().slice(0, 16).replace(":", "h")}.csv`,
      csvOf(lang, cells),
    );
  };
  return (
    <section className="panel panel-results" aria-label={t("explore.results")} data-panel="results">
      <header className="panel-head">
        <ViewChoice view={view} onView={(view) => onState({ view })} />
        <UnitChoice
          {...{ state, onState }}
          units={view === "graph" ? lines.units : unitsOf(rows)}
        />
        <div className="panel-tools">
          <LinkButton link={link} />
          <button
            type="button"
            className="button"
            disabled={!hasAnswer}
            title={t(`explore.csvNote.${lang}`)}
            onClick={save}
          >
            <Glyph shape="download" />
            {t("explore.csv")}
          </button>
        </div>
      </header>
      <div className="panel-body" aria-busy={loading} data-loading={loading}>
        <Notes notes={notes} lines={lines} isGraph={view === "graph"} />
        {hasAnswer ? (
          view === "graph" ? (
            <Suspense fallback={<span className="skeleton explore-skeleton" aria-hidden="true" />}>
              <Graph lines={lines} span={span} onZoom={onZoom} />
            </Suspense>
          ) : (
            <InstantTable rows={rows} />
          )
        ) : loading ? (
          <span className="skeleton explore-skeleton" aria-hidden="true" />
        ) : (
          <p className="plot-empty">
            {t(
              isAnswered
                ? "explore.empty"
                : results.some(({ fault }) => fault)
                  ? "explore.failed"
                  : "explore.nothingAsked",
            )}
          </p>
        )}
      </div>
    </section>
  );
};

type ViewProps = {
  readonly view: ExploreState["view"];
  readonly onView: (view: ExploreState["view"]) => void;
};

const ViewChoice = ({ view, onView }: ViewProps) => {
  const { t } = useWords();
  return (
    <fieldset className="choice">
      <legend className="hidden">{t("explore.view")}</legend>
      {(["graph", "table"] as const).map((one) => (
        <button key={one} type="button" aria-pressed={view === one} onClick={() => onView(one)}>
          <Glyph shape={one === "graph" ? "chart" : "table"} />
          {t(`explore.${one}`)}
        </button>
      ))}
    </fieldset>
  );
};

type UnitProps = Pick<Props, "state" | "onState"> & { readonly units: readonly Unit[] };

const UnitChoice = ({ state, units, onState }: UnitProps) => {
  const { t } = useWords();
  const found =
    units.length > 2
      ? t("explore.unitMixed")
      : units.map((unit) => t(`unit.${unit}`)).join(", ") || t("unit.number");
  return (
    <label className="select unit-choice">
      <span className="hidden">{t("explore.unit")}</span>
      <select
        value={state.unit ?? ""}
        onChange={({ target }) =>
          onState({ unit: isUnit(target.value) ? target.value : undefined })
        }
      >
        <option value="">{t("explore.unitAuto", { unit: found })}</option>
        {UNITS.map((unit) => (
          <option key={unit} value={unit}>
            {t(`unit.${unit}`)}
          </option>
        ))}
      </select>
      <Glyph shape="chevron" />
    </label>
  );
};

const COPIED_MS = 2_500;

const LinkButton = ({ link }: Pick<Props, "link">) => {
  const { t } = useWords();
  const [said, setSaid] = useState<"copied" | "refused">();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const copy = async (): Promise<void> => {
    // A browser without a clipboard, or a reader who refused it.
    const { clipboard } = navigator as { readonly clipboard?: Clipboard };
    const isCopied = await clipboard?.writeText(link()).then(
      () => true,
      () => false,
    );
    setSaid(isCopied === true ? "copied" : "refused");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(undefined), COPIED_MS);
  };
  return (
    <button
      type="button"
      className="button"
      title={t("explore.linkNote")}
      onClick={() => void copy()}
    >
      <Glyph shape={said === "copied" ? "check" : "link"} />
      <span aria-live="polite">
        {t(said === undefined ? "explore.link" : `explore.link.${said}`)}
      </span>
    </button>
  );
};

type NotesProps = {
  readonly notes: readonly { readonly letter: string; readonly note: string }[];
  readonly lines: Lines;
  readonly isGraph: boolean;
};

/** What the reader must know before trusting what is beneath. */
const Notes = ({ notes, lines, isGraph }: NotesProps) => {
  const { t } = useWords();
  const isCut = isGraph && lines.count > lines.series.length;
  if (notes.length === 0 && !isCut && !(isGraph && lines.isMixed)) return null;
  return (
    <ul className="notes">
      {isCut && (
        <li>
          <Glyph shape="diamond" />
          {t("explore.cut", { shown: lines.series.length, count: lines.count })}
        </li>
      )}
      {isGraph && lines.isMixed && (
        <li>
          <Glyph shape="diamond" />
          {t("explore.mixed")}
        </li>
      )}
      {notes.map(({ letter, note }) => (
        <li key={letter + note}>
          <Glyph shape="diamond" />
          <b>{letter}</b> <span lang="en">{note}</span>
        </li>
      ))}
    </ul>
  );
};

const unitsOf = (rows: readonly Row[]): readonly Unit[] => [
  ...new Set(rows.map(({ unit }) => unit)),
];

/** One row per instant, one column per series. */
const graphCells = ({ times, series }: Lines): Cell[][] => [
  ["time", ...series.map(({ name }) => name)],
  ...times.map((at, i): Cell[] => [
    new Date(at).toISOString(),
    ...series.map(({ values }) => values[i] ?? null),
  ]),
];

/** One row per series, one column per label. */
const tableCells = (rows: readonly Row[]): Cell[][] => {
  const columns = columnsOf(rows);
  return [
    ["query", ...columns, "time", "value"],
    ...rows.map(({ letter, labels, atMs, value }): Cell[] => [
      letter,
      ...columns.map((label) => labels[label] ?? null),
      new Date(atMs).toISOString(),
      value,
    ]),
  ];
};

const saveFile = (name: string, text: string): void => {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
};
