/**
 * Layers as boxes and curves: from left to right on a wide screen, from top to bottom on a phone.
 *
 * Units: px.
 */
import { layersOf, type MapEdge } from "./layers.ts";

export type Box = { readonly name: string; readonly x: number; readonly y: number };
export type Curve = {
  readonly edge: number;
  readonly path: string;
  /** The middle, where the edge's figures stand. */
  readonly x: number;
  readonly y: number;
};
export type Drawing = {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly curves: readonly Curve[];
};

export const BOX = { width: 168, height: 46 } as const;
const GAP = { across: 96, along: 18, passing: 26 } as const;
const PAD = 10;
const DOWN_GAP = { across: 58, along: 14, passing: 30 } as const;

type Point = readonly [x: number, y: number];

export const drawMap = (edges: readonly MapEdge[], isDown: boolean): Drawing => {
  const { layers, isBack } = layersOf(edges);
  const gap = isDown ? DOWN_GAP : GAP;
  const deep = isDown ? BOX.height : BOX.width;
  const wide = isDown ? BOX.width : BOX.height;
  const sizes = layers.map((layer) =>
    layer.reduce(
      (sum, { name }) => sum + (name === null ? gap.passing : wide) + gap.along,
      -gap.along,
    ),
  );
  const widest = Math.max(0, ...sizes);
  const boxes: Box[] = [];
  const passes = new Map<number, Point[]>();
  const centres = new Map<string, Point>();
  layers.forEach((layer, at) => {
    const across = PAD + at * (deep + gap.across);
    let along = PAD + (widest - (sizes[at] ?? 0)) / 2;
    for (const { name, edge } of layer) {
      const size = name === null ? gap.passing : wide;
      const [x, y] = isDown ? [along, across] : [across, along];
      if (name !== null) {
        boxes.push({ name, x, y });
        centres.set(name, [x + BOX.width / 2, y + BOX.height / 2]);
      } else if (edge !== null) {
        const middle: Point = isDown
          ? [along + size / 2, across + deep / 2]
          : [across + deep / 2, along + size / 2];
        passes.set(edge, [...(passes.get(edge) ?? []), middle]);
      }
      along += size + gap.along;
    }
  });
  const curves = edges.flatMap(({ from, to }, edge): Curve[] => {
    const [a, b] = [centres.get(from), centres.get(to)];
    if (a === undefined || b === undefined || from === to) return [];
    const between = passes.get(edge) ?? [];
    const way = isBack[edge] === true ? between.toReversed() : between;
    return [curve(edge, [a, ...way, b], isBack[edge] === true, isDown)];
  });
  const long = PAD * 2 + Math.max(0, layers.length * (deep + gap.across) - gap.across);
  const [width, height] = isDown ? [widest + 2 * PAD, long] : [long, widest + 2 * PAD];
  return { width, height, boxes, curves };
};

/** From the side a box shows to the next one, through the places kept free. */
const curve = (
  edge: number,
  [first, ...rest]: readonly Point[],
  isBack: boolean,
  isDown: boolean,
): Curve => {
  const last = rest.at(-1) ?? first ?? [0, 0];
  const start = side(first ?? [0, 0], isBack ? -1 : 1, isDown);
  const end = side(last, isBack ? 1 : -1, isDown);
  const points = [start, ...rest.slice(0, -1), end];
  let path = `M${point(start)}`;
  points.slice(1).forEach((to, i) => {
    const from = points[i] ?? start;
    const half: Point = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    const [c1, c2]: readonly [Point, Point] = isDown
      ? [
          [from[0], half[1]],
          [to[0], half[1]],
        ]
      : [
          [half[0], from[1]],
          [half[0], to[1]],
        ];
    path += `C${point(c1)} ${point(c2)} ${point(to)}`;
  });
  const at = Math.floor((points.length - 1) / 2);
  const [one, two] = [points[at] ?? start, points[at + 1] ?? end];
  return { edge, path, x: (one[0] + two[0]) / 2, y: (one[1] + two[1]) / 2 };
};

const side = ([x, y]: Point, to: 1 | -1, isDown: boolean): Point =>
  isDown ? [x, y + (to * BOX.height) / 2] : [x + (to * BOX.width) / 2, y];

const point = ([x, y]: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
