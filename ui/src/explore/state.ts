/**
 * What the explorer shows, as its address says it: a link shows what its author saw.
 *
 * Shape:  `q` once per query, `off` the letters not drawn, `from`, `to`, `view`, `unit`, `refresh`.
 *         Parameters of others (`lang`) survive.
 * Units:  `refreshMs` in ms; 0 asks only when told to.
 */
import { isUnit, type Unit } from "../format/unit.ts";
import { readRange, writeRange, type Range } from "./range.ts";

export const LETTERS = ["A", "B", "C", "D", "E", "F"] as const;
export type Letter = (typeof LETTERS)[number];
export const MAX_QUERIES = LETTERS.length;
/** Characters; an address must stay one that servers take. */
export const MAX_EXPR = 2_000;
export const REFRESHES_MS = [0, 5_000, 15_000, 60_000] as const;

export type Query = { readonly expr: string; readonly isOff: boolean };
export type ExploreState = {
  readonly queries: readonly Query[];
  readonly range: Range;
  readonly view: "graph" | "table";
  /** Undefined: as the expressions say. */
  readonly unit: Unit | undefined;
  readonly refreshMs: number;
};

export const readState = (params: URLSearchParams): ExploreState => {
  const off = new Set(params.get("off") ?? "");
  const unit = params.get("unit") ?? "";
  const refreshMs = Number(params.get("refresh") ?? 0) * 1_000;
  return {
    queries: params
      .getAll("q")
      .slice(0, MAX_QUERIES)
      .map((expr, i) => ({ expr: expr.slice(0, MAX_EXPR), isOff: off.has(LETTERS[i] ?? "") })),
    range: readRange(params.get("from"), params.get("to")),
    view: params.get("view") === "table" ? "table" : "graph",
    unit: isUnit(unit) ? unit : undefined,
    refreshMs: REFRESHES_MS.find((one) => one === refreshMs) ?? 0,
  };
};

export const writeState = (state: ExploreState, before: URLSearchParams): URLSearchParams => {
  const next = new URLSearchParams(before);
  for (const name of ["q", "off", "from", "to", "view", "unit", "refresh"]) next.delete(name);
  for (const { expr } of state.queries) next.append("q", expr);
  const off = state.queries.map(({ isOff }, i) => (isOff ? LETTERS[i] : "")).join("");
  if (off !== "") next.set("off", off);
  const [from, to] = writeRange(state.range);
  next.set("from", from);
  next.set("to", to);
  if (state.view === "table") next.set("view", "table");
  if (state.unit !== undefined) next.set("unit", state.unit);
  if (state.refreshMs > 0) next.set("refresh", String(state.refreshMs / 1_000));
  return next;
};

/** The same page for somebody else: its times stand still, and it does not refresh. */
export const frozen = (state: ExploreState, fromMs: number, toMs: number): ExploreState => ({
  ...state,
  refreshMs: 0,
  range: { kind: "between", fromMs, toMs },
});
