/** The answers over time: a plot, and under it each line's name and figures. */
import { useMemo, useState } from "react";
import { PlotSlider } from "../charts/plot-slider.tsx";
import type { PlotLook, PlotView, ValueAxis } from "../charts/plot.ts";
import { spanScale } from "../charts/scale.ts";
import { timeTicks } from "../charts/time-ticks.ts";
import { MISSING } from "../format/number.ts";
import type { Lang } from "../format/text.ts";
import { full } from "../format/time.ts";
import { axisFormat, measure, stepFor, type Unit } from "../format/unit.ts";
import { useWords } from "../locales/words.tsx";
import { sharedLabels, summaryOf, without, type Lines, type Series } from "./lines.ts";
import { LabelText, SharedLabels } from "./labels.tsx";
import type { Span } from "./range.ts";

/** Values a screen reader is told of one instant. */
const MAX_SAID = 8;

type Props = {
  readonly lines: Lines;
  readonly span: Span;
  readonly onZoom: (fromMs: number, toMs: number) => void;
};

const Graph = ({ lines, span, onZoom }: Props) => {
  const { t, lang } = useWords();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = useState<string>();
  const [index, setIndex] = useState<number | null>(null);
  const shown = useMemo(
    () => lines.series.filter(({ key }) => !hidden.has(key)),
    [lines.series, hidden],
  );
  const window = useMemo(
    () => ({
      times: lines.times,
      names: shown.map(({ name }) => name),
      values: shown.map(({ values }) => values),
    }),
    [lines.times, shown],
  );
  const axes = useMemo(() => axesOf(lang, lines.units, shown), [lang, lines.units, shown]);
  const view: PlotView = {
    window,
    axes,
    startMs: span.fromMs,
    endMs: span.toMs,
    timeTicks: (from, to, width) => timeTicks(lang, from, to, width),
    focus: focusOf(shown, focus),
  };
  const look: PlotLook = { lines: shown.map(({ line }) => line), hasNames: false, onZoom };
  const toggle = (key: string, isAlone: boolean): void => {
    const others = lines.series.filter((one) => one.key !== key).map((one) => one.key);
    const wasAlone = others.every((one) => hidden.has(one)) && !hidden.has(key);
    if (isAlone) return setHidden(new Set(wasAlone ? [] : others));
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    setHidden(next);
  };
  const say = (at: number): string =>
    shown
      .slice(0, MAX_SAID)
      .map(({ name, values, unit }) => `${name} ${measure(lang, values[at] ?? null, unit)}`)
      .join(", ");
  return (
    <>
      <div className="explore-plot">
        <PlotSlider
          title={t("explore.graph")}
          summary={t("explore.graphSummary", { count: shown.length })}
          stepMs={span.stepMs}
          look={look}
          view={view}
          lookKey={`${shown.map(({ key, line }) => key + line.ink).join("\n")}|${lines.units.join()}|${lang}`}
          index={index}
          onIndex={setIndex}
          say={say}
        />
      </div>
      <LegendTable
        {...{ lines, hidden, index }}
        onToggle={toggle}
        onFocus={setFocus}
        at={index === null ? undefined : lines.times[index]}
      />
    </>
  );
};

export default Graph;

const focusOf = (shown: readonly Series[], key: string | undefined): number | undefined => {
  const at = key === undefined ? -1 : shown.findIndex((one) => one.key === key);
  return at < 0 || shown.length < 2 ? undefined : at;
};

const axesOf = (lang: Lang, units: readonly Unit[], shown: readonly Series[]): PlotView["axes"] => {
  const axis = (unit: Unit, isRight: boolean): ValueAxis => {
    const all = shown
      .filter(({ line }) => (line.isRight ?? false) === isRight)
      .flatMap(({ values }) => {
        const { min, max } = summaryOf(values);
        return min === null || max === null ? [] : [min, max];
      });
    const [min, max] = all.length === 0 ? [null, null] : [Math.min(...all), Math.max(...all)];
    const largest = Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0));
    const scale = spanScale(min, max, stepFor(unit, largest).size);
    return { scale, format: axisFormat(lang, unit, scale.ticks) };
  };
  const [left = "number", right] = units;
  return right === undefined ? [axis(left, false)] : [axis(left, false), axis(right, true)];
};

type LegendProps = {
  readonly lines: Lines;
  readonly hidden: ReadonlySet<string>;
  readonly index: number | null;
  readonly at: number | undefined;
  readonly onToggle: (key: string, isAlone: boolean) => void;
  readonly onFocus: (key: string | undefined) => void;
};

const LegendTable = ({ lines, hidden, index, at, onToggle, onFocus }: LegendProps) => {
  const { t, lang } = useWords();
  const { series } = lines;
  const shared = useMemo(() => sharedLabels(series.map(({ labels }) => labels)), [series]);
  const summaries = useMemo(() => series.map(({ values }) => summaryOf(values)), [series]);
  const hasLetters = new Set(series.map(({ letter }) => letter)).size > 1;
  return (
    // Scrolls, so the keyboard must be able to reach it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section className="series-legend" tabIndex={0} aria-label={t("explore.series")}>
      <SharedLabels labels={shared} />
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("explore.series")}</th>
            <th scope="col" className="right legend-now">
              {at === undefined ? t("explore.last") : full(lang, at)}
            </th>
            {(["min", "mean", "max"] as const).map((column) => (
              <th key={column} scope="col" className="right more">
                {t(`explore.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.map((one, i) => {
            const { last = null, min = null, mean = null, max = null } = summaries[i] ?? {};
            const now = index === null ? last : (one.values[index] ?? null);
            return (
              <tr
                key={one.key}
                data-hidden={hidden.has(one.key)}
                onPointerEnter={() => onFocus(one.key)}
                onPointerLeave={() => onFocus(undefined)}
              >
                <th scope="row">
                  <button
                    type="button"
                    className="series-toggle"
                    aria-pressed={!hidden.has(one.key)}
                    title={t("explore.toggle")}
                    onClick={(event) => onToggle(one.key, event.ctrlKey || event.metaKey)}
                    onFocus={() => onFocus(one.key)}
                    onBlur={() => onFocus(undefined)}
                  >
                    <LineSample line={one.line} />
                    {hasLetters && <span className="series-letter">{one.letter}</span>}
                    <LabelText labels={without(one.labels, shared)} name={one.name} />
                  </button>
                </th>
                <td className="right strong">{measure(lang, now, one.unit)}</td>
                {[min, mean, max].map((value, column) => (
                  <td key={["min", "mean", "max"][column]} className="right quiet more">
                    {value === null ? MISSING : measure(lang, value, one.unit)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
};

/** The stroke as the plot draws it, dashes included. */
const LineSample = ({ line }: { readonly line: Series["line"] }) => (
  <svg className="line-sample" viewBox="0 0 24 8" aria-hidden="true">
    <path
      d="M0 4H24"
      style={{ stroke: `var(${line.ink})` }}
      strokeDasharray={line.dash?.join(" ")}
    />
  </svg>
);
