/**
 * The explorer's state: what the address says, what is typed, and what was answered.
 *
 * Shape:  what is typed stands apart until it is asked; asking writes the address. Another address
 *         (back, a link) replaces what is typed.
 */
import { useCallback, useEffect, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { serverNow } from "../live/clock.ts";
import { useApi, useSlot } from "../live/context.tsx";
import { unitOf as inferUnit, type Metadata } from "./infer-unit.ts";
import type { UnitOf } from "./lines.ts";
import { prometheusOf, type Prometheus } from "./prometheus.ts";
import {
  frozen,
  MAX_QUERIES,
  readState,
  writeState,
  type ExploreState,
  type Query,
} from "./state.ts";
import { useRun, type Run } from "./use-run.ts";

const NO_QUERY: Query = { expr: "", isOff: false };

export type Explorer = {
  readonly state: ExploreState;
  readonly drafts: readonly Query[];
  readonly run: Run;
  readonly prometheus: Prometheus;
  readonly unitOf: UnitOf;
  readonly show: (change: Partial<ExploreState>) => void;
  readonly ask: () => void;
  readonly add: () => void;
  readonly type: (i: number, expr: string) => void;
  readonly toggle: (i: number) => void;
  readonly remove: (i: number) => void;
  /** Asks one more, in the first empty place. */
  readonly pick: (expr: string) => void;
  /** The address of what is shown, its times standing still. */
  readonly link: () => string;
};

export const useExplore = (widthPx: () => number): Explorer => {
  const [params, setParams] = useSearchParams();
  const address = params.toString();
  const state = useMemo(() => readState(new URLSearchParams(address)), [address]);
  const [drafts, setDrafts] = useDrafts(state.queries);
  const api = useApi();
  const overview = useSlot("overview");
  const [prometheus] = useState(() => prometheusOf(api, () => performance.now()));
  const metadata = useMetadata(prometheus);
  const run = useRun({ prometheus, nowMs: () => serverNow(overview), widthPx }, state);
  // A selector of many metrics has no unit, each of them has.
  const unitOf = useCallback<UnitOf>(
    (expr, { __name__: name = "" }) =>
      state.unit ?? inferUnit(expr, metadata) ?? inferUnit(name, metadata) ?? "number",
    [state.unit, metadata],
  );

  const show = (change: Partial<ExploreState>): void => {
    const next = writeState({ ...state, ...change }, params);
    // Asking the same again is no new place to go back to.
    if (next.toString() !== address) setParams(next);
  };
  const ask = (queries: readonly Query[]): void => {
    const asked = queries.filter(({ expr }) => expr.trim() !== "");
    setDrafts(asked.length === 0 ? [NO_QUERY] : asked);
    show({ queries: asked });
    run.again();
  };
  const changed = (i: number, next: Partial<Query>): readonly Query[] =>
    drafts.map((one, k) => (k === i ? { ...one, ...next } : one));
  return {
    ...{ state, drafts, run, prometheus, unitOf, show },
    ask: () => ask(drafts),
    add: () => setDrafts([...drafts, NO_QUERY].slice(0, MAX_QUERIES)),
    type: (i, expr) => setDrafts(changed(i, { expr })),
    toggle: (i) => {
      const isOff = !(drafts[i]?.isOff ?? false);
      const isAsked = state.queries[i]?.expr === drafts[i]?.expr;
      if (!isAsked) return setDrafts(changed(i, { isOff }));
      const queries = state.queries.map((one, k) => (k === i ? { ...one, isOff } : one));
      return show({ queries });
    },
    remove: (i) => ask(drafts.filter((_, k) => k !== i)),
    pick: (expr) => {
      const free = drafts.findIndex((one) => one.expr.trim() === "");
      if (free >= 0) return ask(changed(free, { expr }));
      if (drafts.length >= MAX_QUERIES) return ask(changed(drafts.length - 1, { expr }));
      return ask([...drafts, { expr, isOff: false }]);
    },
    link: () => {
      const fixed = writeState(frozen(state, run.span.fromMs, run.span.toMs), params);
      return new URL(`/explore?${fixed.toString()}`, location.href).href;
    },
  };
};

type Drafts = readonly [readonly Query[], (drafts: readonly Query[]) => void];

const useDrafts = (queries: readonly Query[]): Drafts => {
  const key = JSON.stringify(queries);
  const [kept, setKept] = useState({ key: "", drafts: queries });
  if (kept.key !== key) setKept({ key, drafts: queries.length === 0 ? [NO_QUERY] : queries });
  return [kept.drafts, (drafts) => setKept((before) => ({ ...before, drafts }))];
};

const useMetadata = (prometheus: Prometheus): Metadata => {
  const [metadata, setMetadata] = useState<Metadata>({});
  useEffect(() => {
    let isOver = false;
    void prometheus.metadata().then((known) => {
      if (!isOver) setMetadata(known);
    });
    return () => {
      isOver = true;
    };
  }, [prometheus]);
  return metadata;
};
