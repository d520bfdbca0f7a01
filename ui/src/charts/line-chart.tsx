/** A line chart of the operations page: its legend with the latest values, and its plot. */
import { useState } from "react";
import { MISSING } from "../format/number.ts";
import { clockSeconds } from "../format/time.ts";
import { useWords } from "../locales/words.tsx";
import { PlotSlider } from "./plot-slider.tsx";
import type { PlotLook, PlotView } from "./plot.ts";
import type { Scale } from "./scale.ts";
import { SPAN_MS, spreadOf, type SeriesWindow } from "./series-window.ts";
import { timeTicks } from "./time-ticks.ts";

type Props = {
  readonly title: string;
  readonly window: SeriesWindow;
  readonly scale: Scale;
  readonly endMs: number;
  readonly format: (value: number) => string;
  readonly formatAxis: (value: number) => string;
};

const LineChart = ({ title, window, scale, endMs, format, formatAxis }: Props) => {
  const { t, lang } = useWords();
  const [index, setIndex] = useState<number | null>(null);
  const view: PlotView = {
    window,
    axes: [{ scale, format: formatAxis }],
    startMs: endMs - SPAN_MS,
    endMs,
    timeTicks: (from, to, width) => timeTicks(lang, from, to, width),
  };
  const look: PlotLook = {
    lines: window.names.map((_, i) => ({ ink: `--series-${i + 1}` })),
    hasNames: true,
  };
  const show = (value: number | null | undefined): string =>
    value === null || value === undefined ? MISSING : format(value);
  const summary = window.names.map((name, s) => {
    const { latest, min, max } = spreadOf(window.values[s] ?? []);
    return t("chart.summary", { name, latest: show(latest), min: show(min), max: show(max) });
  });
  return (
    <>
      <Legend
        window={window}
        at={index}
        show={show}
        time={index === null ? undefined : window.times[index]}
      />
      <PlotSlider
        title={title}
        summary={summary.join(" ")}
        stepMs={window.stepMs}
        look={look}
        view={view}
        lookKey={`${window.names.join("\n")}|${scale.kind}|${lang}`}
        index={index}
        onIndex={setIndex}
        say={(at) =>
          window.names.map((name, s) => `${name} ${show(window.values[s]?.[at])}`).join(", ")
        }
      />
    </>
  );
};

export default LineChart;

type LegendProps = {
  readonly window: SeriesWindow;
  readonly at: number | null;
  readonly show: (value: number | null | undefined) => string;
  readonly time: number | undefined;
};

/** The latest value of each line, or those under the pointer with their time. */
const Legend = ({ window, at, show, time }: LegendProps) => {
  const { lang } = useWords();
  return (
    <ul className="legend" aria-hidden="true">
      {window.names.map((name, s) => {
        const row = window.values[s] ?? [];
        return (
          <li key={name}>
            <i className={`swatch swatch-${s + 1}`} />
            {name} <b>{show(at === null ? spreadOf(row).latest : row[at])}</b>
          </li>
        );
      })}
      {at !== null && time !== undefined && (
        <li className="legend-time">{clockSeconds(lang, time)}</li>
      )}
    </ul>
  );
};
