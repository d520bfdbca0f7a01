/**
 * The canvas of a chart, alive as long as its lines stay the same.
 *
 * Its maker gives it a new key when lines, kind of axis or language change; it paints itself anew
 * when the theme changes or the font arrives.
 */
import { useEffect, useRef, useState } from "react";
import { THEME_EVENT } from "../theme.ts";
import { createPlot, type Plot, type PlotLook, type PlotView } from "./plot.ts";

type Props = {
  readonly look: PlotLook;
  readonly view: PlotView;
  readonly onPlot?: (made: Plot | undefined) => void;
  readonly onPoint: (index: number | null) => void;
};

export const Canvas = (props: Props) => <Painted key={useRepaints()} {...props} />;

const Painted = ({ look, view, onPlot, onPoint }: Props) => {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const latest = useRef({ look, view });
  useEffect(() => {
    latest.current = { look, view };
    plot.current?.show(view);
  }, [look, view]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const made = createPlot(element, latest.current.look, latest.current.view, onPoint);
    plot.current = made;
    onPlot?.(made);
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
      onPlot?.(undefined);
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
