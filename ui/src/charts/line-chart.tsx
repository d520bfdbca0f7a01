/**
 * A line chart that can be read without seeing it: name, summary, values by arrow keys.
 *
 * The plot is a slider over time: arrows move by one step, Page by a minute, Home and End to the
 * edges, and each instant's values are its value text. Esc goes back to the newest.
 */
import { useCallback, useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { MISSING } from "../format/number.ts";
import { clock, clockSeconds } from "../format/time.ts";
import { useWords } from "../locales/words.tsx";
import { THEME_EVENT } from "../theme.ts";
import { createPlot, type Plot, type PlotView } from "./plot.ts";
import type { Scale } from "./scale.ts";
import { spreadOf, type SeriesWindow } from "./series-window.ts";

const MINUTE_MS = 60_000;

type Props = {
  readonly title: string;
  readonly window: SeriesWindow;
  readonly scale: Scale;
  readonly endMs: number;
  readonly format: (value: number) => string;
};

const LineChart = ({ title, window, scale, endMs, format }: Props) => {
  const { t, lang } = useWords();
  const [index, setIndex] = useState<number | null>(null);
  const summaryId = useId();
  const last = window.times.length - 1;
  const shown = index === null ? last : Math.min(index, last);
  const view: PlotView = {
    window,
    scale,
    endMs,
    formatValue: format,
    formatTime: (at) => clock(lang, at),
  };
  const plot = useRef<Plot>(undefined);
  const keep = useCallback((made: Plot | undefined) => {
    plot.current = made;
  }, []);
  const repaints = useRepaints();
  const show = (value: number | null | undefined): string =>
    value === null || value === undefined ? MISSING : format(value);
  const valuesAt = (at: number): string =>
    window.names.map((name, s) => `${name} ${show(window.values[s]?.[at])}`).join(", ");

  const move = (event: KeyboardEvent): void => {
    const to = target(event.key, shown, window);
    if (to === undefined) return;
    event.preventDefault();
    setIndex(to);
    plot.current?.point(to);
  };
  const at = window.times[shown];
  return (
    <>
      <p className="hidden" id={summaryId}>
        {window.names
          .map((name, s) => {
            const { latest, min, max } = spreadOf(window.values[s] ?? []);
            return t("chart.summary", {
              name,
              latest: show(latest),
              min: show(min),
              max: show(max),
            });
          })
          .join(" ")}
      </p>
      <Legend window={window} at={index} show={show} time={at} />
      <div
        className="plot"
        // An input of type range cannot hold a canvas.
        // oxlint-disable-next-line jsx-a11y/prefer-tag-over-role
        role="slider"
        tabIndex={0}
        aria-label={title}
        aria-describedby={summaryId}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={Math.max(0, shown)}
        aria-valuetext={
          at === undefined ? t("chart.empty") : `${clockSeconds(lang, at)} : ${valuesAt(shown)}`
        }
        aria-orientation="horizontal"
        aria-readonly="true"
        onKeyDown={move}
        onBlur={() => {
          setIndex(null);
          plot.current?.point(null);
        }}
      >
        <Canvas
          key={`${window.names.join("\n")}|${scale.kind}|${lang}|${repaints}`}
          view={view}
          onPlot={keep}
          onPoint={setIndex}
        />
      </div>
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

const target = (key: string, from: number, { times, stepMs }: SeriesWindow): number | undefined => {
  const last = times.length - 1;
  const minute = Math.max(1, Math.round(MINUTE_MS / stepMs));
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: from - 1,
    ArrowDown: from - 1,
    ArrowRight: from + 1,
    ArrowUp: from + 1,
    PageDown: from - minute,
    PageUp: from + minute,
    Home: 0,
    End: last,
    Escape: last,
  };
  const to = moves[key];
  return to === undefined ? undefined : Math.min(last, Math.max(0, to));
};

type CanvasProps = {
  readonly view: PlotView;
  readonly onPlot: (made: Plot | undefined) => void;
  readonly onPoint: (index: number | null) => void;
};

/** The canvas. Its maker gives it a new key when lines, kind of axis, language or theme change. */
const Canvas = ({ view, onPlot, onPoint }: CanvasProps) => {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const latest = useRef(view);
  useEffect(() => {
    latest.current = view;
    plot.current?.show(view);
  }, [view]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const made = createPlot(element, latest.current, onPoint);
    plot.current = made;
    onPlot(made);
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
      onPlot(undefined);
    };
  }, [onPlot, onPoint]);
  return <div className="plot-canvas" ref={host} />;
};

/** Counts what makes every ink or width of the canvas wrong: another theme, the font's arrival. */
const useRepaints = (): number => {
  const [repaints, setRepaints] = useState(0);
  useEffect(() => {
    const repaint = (): void => setRepaints((n) => n + 1);
    addEventListener(THEME_EVENT, repaint);
    if (document.fonts.status !== "loaded") {
      document.fonts.addEventListener("loadingdone", repaint, { once: true });
    }
    return () => removeEventListener(THEME_EVENT, repaint);
  }, []);
  return repaints;
};
