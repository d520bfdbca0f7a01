import * as fc from "fast-check";
import { expect, test } from "vitest";
import { layersOf, type MapEdge } from "./layers.ts";
import { BOX, drawMap } from "./place.ts";

const name = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i");
const edges = fc
  .uniqueArray(fc.tuple(name, name), { maxLength: 40, selector: ([a, b]) => a + b })
  .map((pairs) => pairs.map(([from, to]): MapEdge => ({ from, to })));

test("callers stand before what they call", () => {
  const { layers } = layersOf([
    { from: "web", to: "api" },
    { from: "api", to: "db" },
    { from: "web", to: "db" },
  ]);
  const names = layers.map((layer) => layer.flatMap(({ name }) => name ?? []));
  expect(names).toEqual([["web"], ["api"], ["db"]]);
  // The long edge keeps a place beside the api, so that it does not run through it.
  expect(layers[1]).toContainEqual({ name: null, edge: 2 });
});

test("of a circle one edge goes back, and the others forward", () => {
  const { isBack } = layersOf([
    { from: "a", to: "b" },
    { from: "b", to: "c" },
    { from: "c", to: "a" },
  ]);
  expect(isBack.filter(Boolean)).toHaveLength(1);
});

test("law: each name has one place; every edge but those that go back leads to a later layer", () => {
  fc.assert(
    fc.property(edges, (all) => {
      const { layers, isBack } = layersOf(all);
      const at = new Map(
        layers.flatMap((layer, i) =>
          layer.flatMap(({ name }) => (name === null ? [] : [[name, i] as const])),
        ),
      );
      const named = layers.flat().filter((slot) => slot.name !== null);
      expect(named.length).toBe(new Set(all.flatMap(({ from, to }) => [from, to])).size);
      all.forEach(({ from, to }, i) => {
        if (from === to) return;
        const [a, b] = [at.get(from)!, at.get(to)!];
        expect(isBack[i] === true ? b < a : a < b).toBe(true);
      });
    }),
  );
});

test("law: no two boxes touch, and all is inside of the drawing", () => {
  fc.assert(
    fc.property(edges, fc.boolean(), (all, isDown) => {
      const { boxes, curves, width, height } = drawMap(all, isDown);
      for (const [i, one] of boxes.entries()) {
        expect(one.x >= 0 && one.x + BOX.width <= width).toBe(true);
        expect(one.y >= 0 && one.y + BOX.height <= height).toBe(true);
        for (const other of boxes.slice(i + 1)) {
          const apart =
            Math.abs(one.x - other.x) >= BOX.width || Math.abs(one.y - other.y) >= BOX.height;
          expect(apart).toBe(true);
        }
      }
      expect(curves).toHaveLength(all.filter(({ from, to }) => from !== to).length);
      expect(curves.every(({ path }) => !path.includes("NaN"))).toBe(true);
    }),
  );
});
