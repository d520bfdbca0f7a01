/**
 * Our wrapper around uPlot: axes that never clip, names at the line's end, gaps left open.
 *
 * Nothing else imports uPlot. It draws on a canvas and says nothing to a screen reader: the
 * component around it carries the name, the summary, the values and the table.
 */
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { SPAN_MS, type SeriesWindow } from "./series-window.ts";
import type { Scale } from "./scale.ts";

const TICK_MS = 5 * 60_000;
const LABEL_GAP_PX = 6;
const LABEL_HEIGHT_PX = 14;
const TOP_PX = 8;
const AXIS_PX = 22;

export type PlotView = {
  readonly window: SeriesWindow;
  readonly scale: Scale;
  /** The right edge: the server's now, so that missing points show as missing. */
  readonly endMs: number;
  readonly formatValue: (value: number) => string;
  readonly formatTime: (at: number) => string;
};

export type Plot = {
  readonly show: (view: PlotView) => void;
  readonly resize: () => void;
  readonly point: (index: number | null) => void;
  readonly destroy: () => void;
};

type Ink = (name: string) => string;

/** `onPoint` tells which instant the pointer is at, as an index into the window's times. */
export const createPlot = (
  host: HTMLElement,
  first: PlotView,
  onPoint: (index: number | null) => void,
): Plot => {
  let view = first;
  const ink = inkOf(host);
  const font = `12px ${getComputedStyle(host).fontFamily}`;
  const plot = new UPlot(
    {
      ...sizeOf(host),
      ms: 1,
      pxAlign: 0,
      legend: { show: false },
      padding: [TOP_PX, endWidth(first.window.names, font), 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => [view.endMs - SPAN_MS, view.endMs] },
        y: {
          // A const enum of a declaration file has no value to import: 1 linear, 3 logarithmic.
          // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
          distr: first.scale.kind === "log" ? 3 : 1,
          range: () => [view.scale.min, view.scale.max],
        },
      },
      axes: [timeAxis(ink, font, () => view), valueAxis(ink, font, () => view)],
      series: [{}, ...first.window.names.map((_, i) => lineOf(ink(`--series-${i + 1}`)))],
      hooks: {
        draw: [(self) => drawEnds(self, view.window, ink, font)],
        setCursor: [(self) => onPoint(self.cursor.idx ?? null)],
      },
    },
    dataOf(view.window),
    host,
  );
  return {
    show: (next) => {
      view = next;
      plot.setData(dataOf(view.window));
    },
    resize: () => plot.setSize(sizeOf(host)),
    point: (index) => {
      const at = index === null ? undefined : view.window.times[index];
      const left = at === undefined ? -10 : plot.valToPos(at, "x");
      plot.setCursor({ left, top: at === undefined ? -10 : 0 }, false);
    },
    destroy: () => plot.destroy(),
  };
};

const dataOf = ({ times, values }: SeriesWindow): UPlot.AlignedData =>
  [times, ...values] as unknown as UPlot.AlignedData;

const sizeOf = (host: HTMLElement) => ({
  width: Math.max(120, host.clientWidth),
  height: Math.max(80, host.clientHeight),
});

/** A canvas cannot read a custom property; a probe in the page resolves it. */
const inkOf =
  (host: HTMLElement): Ink =>
  (name) => {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    host.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };

const lineOf = (stroke: string): UPlot.Series => ({
  stroke,
  width: 1.75,
  points: { show: false },
  spanGaps: false,
});

const timeAxis = (ink: Ink, font: string, view: () => PlotView): UPlot.Axis => ({
  stroke: ink("--text-3"),
  font,
  size: AXIS_PX,
  gap: 4,
  grid: { show: false },
  ticks: { stroke: ink("--control"), width: 1, size: 4 },
  splits: (_self, _axis, min, max) => {
    const first = Math.ceil(min / TICK_MS) * TICK_MS;
    const count = Math.max(0, Math.floor((max - first) / TICK_MS) + 1);
    return Array.from({ length: count }, (_, i) => first + i * TICK_MS);
  },
  values: (_self, splits) => splits.map((at) => view().formatTime(at)),
});

const valueAxis = (ink: Ink, font: string, view: () => PlotView): UPlot.Axis => ({
  stroke: ink("--text-3"),
  font,
  gap: LABEL_GAP_PX,
  grid: { stroke: ink("--plot-grid"), width: 1 },
  ticks: { show: false },
  // As wide as its widest label: a fixed width clips "0,25 %".
  size: (_self, values) => {
    const widest = Math.max(0, ...(values ?? []).map((text) => textWidth(text, font)));
    return Math.ceil(widest) + LABEL_GAP_PX + 2;
  },
  splits: () => [...view().scale.ticks],
  filter: (_self, splits) => splits,
  values: (_self, splits) => splits.map((value) => view().formatValue(value)),
});

let ruler: CanvasRenderingContext2D | null | undefined;
const textWidth = (text: string, font: string): number => {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (ruler === null) return text.length * 7;
  ruler.font = font;
  return ruler.measureText(text).width;
};

const endWidth = (names: readonly string[], font: string): number =>
  Math.ceil(Math.max(0, ...names.map((name) => textWidth(name, font)))) + LABEL_GAP_PX + 2;

/** The name of each line beside its last value, pushed apart where lines meet. */
const drawEnds = (self: UPlot, window: SeriesWindow, ink: Ink, font: string): void => {
  const { ctx, bbox } = self;
  const ratio = devicePixelRatio;
  const ends = window.names
    .flatMap((name, i) => {
      const value = window.values[i]?.findLast((v) => v !== null);
      return typeof value === "number" ? [{ name, i, y: self.valToPos(value, "y", true) }] : [];
    })
    .sort((a, b) => a.y - b.y);
  const step = LABEL_HEIGHT_PX * ratio;
  const lowest = bbox.top + bbox.height;
  ends.forEach((end, k) => {
    const above = ends[k - 1];
    if (above !== undefined) end.y = Math.max(end.y, above.y + step);
  });
  ends.toReversed().forEach((end, k, all) => {
    const below = all[k - 1];
    end.y = Math.min(end.y, below === undefined ? lowest : below.y - step);
  });
  ctx.save();
  ctx.font = font.replace("12px", `${12 * ratio}px`);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { name, i, y } of ends) {
    ctx.fillStyle = ink(`--series-${i + 1}`);
    ctx.fillText(name, bbox.left + bbox.width + LABEL_GAP_PX * ratio, y);
  }
  ctx.restore();
};
