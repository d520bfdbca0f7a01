/**
 * Who calls whom, drawn in layers: callers first, what they call after them.
 *
 * Shape:  each name has a layer and a place in it. An edge goes to a later layer; one that closes a
 *         circle goes back. An edge over more than one layer holds a place in those between, so
 *         that it passes beside their names and not through them.
 * Errors: none; an edge from a name to itself has no place in a drawing and is left out.
 * Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system
 *         structures", 1981: layers by longest path, order by barycentre.
 */
export type MapEdge = { readonly from: string; readonly to: string };

/** A name, or the place an edge passes by. */
export type Slot = { readonly name: string | null; readonly edge: number | null };
export type Layers = {
  readonly layers: readonly (readonly Slot[])[];
  /** Of each edge, in the order given: the layers it goes through, from caller to called. */
  readonly isBack: readonly boolean[];
};

const SWEEPS = 6;

export const layersOf = (edges: readonly MapEdge[]): Layers => {
  const names = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  const isBack = backEdges(names, edges);
  const forward = edges.map((edge, i) =>
    isBack[i] === true ? { from: edge.to, to: edge.from } : edge,
  );
  const depth = depths(names, forward);
  const layers: Slot[][] = [];
  const put = (layer: number, slot: Slot): void => {
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(slot);
  };
  for (const name of names) put(depth.get(name) ?? 0, { name, edge: null });
  forward.forEach(({ from, to }, edge) => {
    if (from === to) return;
    const [start, end] = [depth.get(from) ?? 0, depth.get(to) ?? 0];
    for (let layer = start + 1; layer < end; layer += 1) put(layer, { name: null, edge });
  });
  return { layers: ordered(layers, forward), isBack };
};

/** Edges that close a circle, found by walking from the callers nobody calls. */
const backEdges = (names: readonly string[], edges: readonly MapEdge[]): readonly boolean[] => {
  const out = new Map<string, number[]>();
  edges.forEach(({ from }, i) => out.set(from, [...(out.get(from) ?? []), i]));
  const called = new Set(edges.map(({ to }) => to));
  const roots = names.toSorted((a, b) => Number(called.has(a)) - Number(called.has(b)));
  const isBack = edges.map(({ from, to }) => from === to);
  const state = new Map<string, "open" | "done">();
  const walk = (root: string): void => {
    const path: { readonly name: string; next: number }[] = [{ name: root, next: 0 }];
    state.set(root, "open");
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = out.get(top.name)?.[top.next++];
      if (edge === undefined) {
        state.set(top.name, "done");
        path.pop();
        continue;
      }
      const to = edges[edge]?.to ?? "";
      const known = state.get(to);
      if (known === "open") isBack[edge] = true;
      else if (known === undefined) {
        state.set(to, "open");
        path.push({ name: to, next: 0 });
      }
    }
  };
  for (const root of roots) if (!state.has(root)) walk(root);
  return isBack;
};

/** The longest way to each name; there are no circles any more. */
const depths = (
  names: readonly string[],
  edges: readonly MapEdge[],
): ReadonlyMap<string, number> => {
  const depth = new Map(names.map((name) => [name, 0]));
  for (let turn = 0; turn < names.length; turn += 1) {
    let isMoved = false;
    for (const { from, to } of edges) {
      const least = (depth.get(from) ?? 0) + 1;
      if (from !== to && (depth.get(to) ?? 0) < least) {
        depth.set(to, least);
        isMoved = true;
      }
    }
    if (!isMoved) break;
  }
  return depth;
};

/** Each layer in the order of its neighbours' middles, from both sides in turns. */
const ordered = (
  layers: readonly Slot[][],
  edges: readonly MapEdge[],
): readonly (readonly Slot[])[] => {
  let current = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    const order = isDown ? current.map((_, i) => i) : current.map((_, i) => i).toReversed();
    for (const at of order) {
      const beside = current[isDown ? at - 1 : at + 1];
      const layer = current[at];
      if (beside === undefined || layer === undefined) continue;
      const middles = layer.map((slot, i) => ({ slot, middle: middleOf(slot, i, beside, edges) }));
      current = current.with(
        at,
        middles.sort((a, b) => a.middle - b.middle).map(({ slot }) => slot),
      );
    }
  }
  return current;
};

const middleOf = (
  slot: Slot,
  place: number,
  beside: readonly Slot[],
  edges: readonly MapEdge[],
): number => {
  const places = beside.flatMap((other, i) => (isJoined(slot, other, edges) ? [i] : []));
  return places.length === 0 ? place : places.reduce((sum, one) => sum + one, 0) / places.length;
};

const isJoined = (one: Slot, other: Slot, edges: readonly MapEdge[]): boolean => {
  if (one.edge !== null && other.edge !== null) return one.edge === other.edge;
  if (one.edge !== null) return touches(edges[one.edge], other.name);
  if (other.edge !== null) return touches(edges[other.edge], one.name);
  return edges.some((edge) => touches(edge, one.name) && touches(edge, other.name));
};

const touches = (edge: MapEdge | undefined, name: string | null): boolean =>
  edge !== undefined && (edge.from === name || edge.to === name);
