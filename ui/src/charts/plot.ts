/**
 * Our wrapper around uPlot: axes that never clip, names at the line's end, gaps left open.
 *
 * Nothing else imports uPlot. It draws on a canvas and says nothing to a screen reader: the
 * component around it carries the name, the summary, the values and the table.
 */
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Scale } from "./scale.ts";
import type { SeriesWindow } from "./series-window.ts";
import type { TimeTicks } from "./time-ticks.ts";

const LABEL_GAP_PX = 6;
const LABEL_HEIGHT_PX = 14;
const TOP_PX = 8;
const AXIS_PX = 22;

export type ValueAxis = {
  readonly scale: Scale;
  readonly format: (value: number) => string;
};
/** How a line looks: an ink of the tokens, dashed where inks come round again. */
export type Line = {
  readonly ink: string;
  readonly dash?: readonly number[];
  /** On the second axis, at the right. */
  readonly isRight?: boolean;
};
export type PlotLook = {
  readonly lines: readonly Line[];
  /** Names beside the lines' ends, where they are few. */
  readonly hasNames: boolean;
  /** The reader drew a stretch of time. */
  readonly onZoom?: (fromMs: number, toMs: number) => void;
};

export type PlotView = {
  readonly window: Pick<SeriesWindow, "times" | "names" | "values">;
  readonly axes: readonly [left: ValueAxis, right?: ValueAxis];
  readonly startMs: number;
  /** The right edge: the server's now, so that missing points show as missing. */
  readonly endMs: number;
  readonly timeTicks: (startMs: number, endMs: number, widthPx: number) => TimeTicks;
  /** The line that stands out; the others fade. */
  readonly focus?: number | undefined;
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
  look: PlotLook,
  first: PlotView,
  onPoint: (index: number | null) => void,
): Plot => {
  let view = first;
  const ink = inkOf(host);
  const font = `12px ${getComputedStyle(host).fontFamily}`;
  const names = look.hasNames ? first.window.names : [];
  const [, right] = first.axes;
  const plot = new UPlot(
    {
      ...sizeOf(host),
      ms: 1,
      pxAlign: 0,
      legend: { show: false },
      padding: [TOP_PX, right === undefined ? endWidth(names, font) : 0, 0, 0],
      focus: { alpha: 0.2 },
      cursor: {
        y: false,
        drag: { x: look.onZoom !== undefined, y: false, setScale: false },
        points: {
          size: 8,
          width: 2,
          stroke: (_self, i) => ink(look.lines[i - 1]?.ink ?? "--text"),
        },
      },
      scales: {
        x: { time: true, range: () => [view.startMs, view.endMs] },
        y: scaleOf(() => view.axes[0]),
        ...(right === undefined ? {} : { right: scaleOf(() => view.axes[1] ?? view.axes[0]) }),
      },
      axes: [
        timeAxis(ink, font, () => view),
        valueAxis(ink, font, () => view.axes[0], "y"),
        ...(right === undefined
          ? []
          : [valueAxis(ink, font, () => view.axes[1] ?? view.axes[0], "right")]),
      ],
      series: [{}, ...look.lines.map((line) => lineOf(line, ink))],
      hooks: {
        draw: [(self) => look.hasNames && drawEnds(self, view.window, look.lines, ink, font)],
        setCursor: [(self) => onPoint(self.cursor.idx ?? null)],
        setSelect: [(self) => tellZoom(self, look.onZoom)],
      },
    },
    dataOf(view.window),
    host,
  );
  return {
    show: (next) => {
      const isFocusMoved = next.focus !== view.focus;
      const isOld = next.window === view.window && next.endMs === view.endMs;
      view = next;
      if (isFocusMoved)
        plot.setSeries(next.focus === undefined ? null : next.focus + 1, { focus: true });
      if (!isOld || !isFocusMoved) plot.setData(dataOf(view.window));
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

const scaleOf = (axis: () => ValueAxis): UPlot.Scale => ({
  // A const enum of a declaration file has no value to import: 1 linear, 3 logarithmic.
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
  distr: axis().scale.kind === "log" ? 3 : 1,
  range: () => [axis().scale.min, axis().scale.max],
});

const MIN_DRAG_PX = 6;
const tellZoom = (self: UPlot, onZoom: PlotLook["onZoom"]): void => {
  const { left, width } = self.select;
  if (onZoom === undefined || width < MIN_DRAG_PX) return;
  onZoom(self.posToVal(left, "x"), self.posToVal(left + width, "x"));
  self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
};

const dataOf = ({ times, values }: PlotView["window"]): UPlot.AlignedData =>
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

const lineOf = ({ ink: name, dash, isRight = false }: Line, ink: Ink): UPlot.Series => ({
  stroke: ink(name),
  width: 1.75,
  ...(dash === undefined ? {} : { dash: [...dash] }),
  scale: isRight ? "right" : "y",
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
  splits: (self, _axis, min, max) => [...view().timeTicks(min, max, self.over.clientWidth).at],
  values: (self, splits) => {
    const { startMs, endMs, timeTicks } = view();
    return splits.map(timeTicks(startMs, endMs, self.over.clientWidth).format);
  },
});

const valueAxis = (
  ink: Ink,
  font: string,
  axis: () => ValueAxis,
  scale: "y" | "right",
): UPlot.Axis => ({
  scale,
  // A const enum of a declaration file again: 3 left, 1 right.
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
  side: scale === "y" ? 3 : 1,
  stroke: ink("--text-3"),
  font,
  gap: LABEL_GAP_PX,
  grid: { show: scale === "y", stroke: ink("--plot-grid"), width: 1 },
  ticks: { show: false },
  // As wide as its widest label: a fixed width clips "0,25 %".
  size: (_self, values) => {
    const widest = Math.max(0, ...(values ?? []).map((text) => textWidth(text, font)));
    return Math.ceil(widest) + LABEL_GAP_PX + 2;
  },
  splits: () => [...axis().scale.ticks],
  filter: (_self, splits) => splits,
  values: (_self, splits) => splits.map((value) => axis().format(value)),
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
const drawEnds = (
  self: UPlot,
  window: PlotView["window"],
  lines: readonly Line[],
  ink: Ink,
  font: string,
): void => {
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
    ctx.fillStyle = ink(lines[i]?.ink ?? "--text");
    ctx.fillText(name, bbox.left + bbox.width + LABEL_GAP_PX * ratio, y);
  }
  ctx.restore();
};
