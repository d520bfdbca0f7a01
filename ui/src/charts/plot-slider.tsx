/**
 * A plot that can be read without seeing it: name, summary, values by arrow keys.
 *
 * The plot is a slider over time: arrows move by one step, Page by a minute, Home and End to the
 * edges, and each instant's values are its value text. Esc goes back to the newest.
 */
import { useCallback, useId, useRef, type KeyboardEvent } from "react";
import { clockSeconds } from "../format/time.ts";
import { useWords } from "../locales/words.tsx";
import { Canvas } from "./canvas.tsx";
import type { Plot, PlotLook, PlotView } from "./plot.ts";

const MINUTE_MS = 60_000;

type Props = {
  readonly title: string;
  readonly summary: string;
  readonly stepMs: number;
  readonly look: PlotLook;
  readonly view: PlotView;
  /** Another one makes another canvas: what `look` says cannot change on the way. */
  readonly lookKey: string;
  readonly index: number | null;
  readonly onIndex: (index: number | null) => void;
  /** The values at an instant, in words. */
  readonly say: (index: number) => string;
};

export const PlotSlider = (props: Props) => {
  const { title, summary, stepMs, look, view, lookKey, index, onIndex, say } = props;
  const { t, lang } = useWords();
  const summaryId = useId();
  const plot = useRef<Plot>(undefined);
  const keep = useCallback((made: Plot | undefined) => {
    plot.current = made;
  }, []);
  const { times } = view.window;
  const last = times.length - 1;
  const shown = index === null ? last : Math.min(index, last);
  const at = times[shown];

  const move = (event: KeyboardEvent): void => {
    const to = target(event.key, shown, last, stepMs);
    if (to === undefined) return;
    event.preventDefault();
    onIndex(to);
    plot.current?.point(to);
  };
  return (
    <>
      <p className="hidden" id={summaryId}>
        {summary}
      </p>
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
          at === undefined ? t("chart.empty") : `${clockSeconds(lang, at)} : ${say(shown)}`
        }
        aria-orientation="horizontal"
        aria-readonly="true"
        onKeyDown={move}
        onBlur={() => {
          onIndex(null);
          plot.current?.point(null);
        }}
      >
        <Canvas key={lookKey} look={look} view={view} onPlot={keep} onPoint={onIndex} />
      </div>
    </>
  );
};

const target = (key: string, from: number, last: number, stepMs: number): number | undefined => {
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
