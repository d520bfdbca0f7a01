/**
 * Asks every query shown, each alone: one that fails leaves the others their answers.
 *
 * Shape:  asks when the question, the range or the view changes, when told to, and each refresh
 *         while the page is visible. A newer question ends the one before. Until the new answer
 *         comes the last one stays, marked as loading.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Answer, Fault } from "../api/client.ts";
import type { InstantSample, Prometheus, RangeSeries, Told } from "./prometheus.ts";
import { spanOf, type Span } from "./range.ts";
import { LETTERS, type ExploreState, type Letter } from "./state.ts";

export type Result = {
  readonly letter: Letter;
  readonly expr: string;
  readonly isOff: boolean;
  readonly fault: Fault | undefined;
  readonly notes: readonly string[];
  /** Of the graph; undefined while only the table was asked for. */
  readonly series: readonly RangeSeries[] | undefined;
  readonly samples: readonly InstantSample[] | undefined;
};
export type Run = {
  readonly results: readonly Result[];
  readonly span: Span;
  readonly loading: boolean;
  /** Asks the same again, now. */
  readonly again: () => void;
};

type Deps = {
  readonly prometheus: Prometheus;
  readonly nowMs: () => number;
  readonly widthPx: () => number;
};

type Answered = { readonly key: string; readonly results: readonly Result[]; readonly span: Span };

export const useRun = (deps: Deps, { queries, range, view, refreshMs }: ExploreState): Run => {
  const [turn, setTurn] = useState(0);
  // What is asked, as one text: the same question asked again by a re-render is not a new one.
  const key = JSON.stringify([queries.map(({ expr }) => expr), range, view, turn]);
  const [run, setRun] = useState<Answered>(() => ({
    key: "",
    results: [],
    span: spanOf(range, deps.nowMs(), deps.widthPx()),
  }));
  const latest = useRef(deps);
  useEffect(() => {
    latest.current = deps;
  });
  useEffect(() => {
    const over = new AbortController();
    const [exprs, asked, shown] = JSON.parse(key) as [string[], typeof range, typeof view];
    const span = spanOf(asked, latest.current.nowMs(), latest.current.widthPx());
    void askAll(latest.current.prometheus, exprs, shown, span, over.signal).then((results) => {
      if (!over.signal.aborted) setRun({ key, results, span });
    });
    return () => over.abort();
  }, [key]);

  const again = useCallback(() => setTurn((n) => n + 1), []);
  const isFollowing = refreshMs > 0 && range.kind === "last";
  useEffect(() => {
    if (!isFollowing) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") again();
    }, refreshMs);
    return () => clearInterval(timer);
  }, [isFollowing, refreshMs, again]);

  const results = useMemo(
    () => run.results.map((one, i) => ({ ...one, isOff: queries[i]?.isOff ?? false })),
    [run.results, queries],
  );
  return { results, span: run.span, loading: run.key !== key && queries.length > 0, again };
};

const askAll = (
  prometheus: Prometheus,
  exprs: readonly string[],
  view: ExploreState["view"],
  span: Span,
  signal: AbortSignal,
): Promise<readonly Result[]> =>
  Promise.all(
    exprs.map(async (expr, i): Promise<Result> => {
      const nothing = { fault: undefined, notes: [], series: undefined, samples: undefined };
      const base = { letter: LETTERS[i] ?? "F", expr, isOff: false, ...nothing };
      if (expr.trim() === "") return base;
      if (view === "graph") {
        const answer = await prometheus.range(expr, span, signal);
        return answer.ok
          ? { ...base, ...notesOf(answer), series: answer.value.items }
          : { ...base, fault: answer.fault };
      }
      const answer = await prometheus.instant(expr, span.toMs, signal);
      return answer.ok
        ? { ...base, ...notesOf(answer), samples: answer.value.items }
        : { ...base, fault: answer.fault };
    }),
  );

const notesOf = <T>(answer: Answer<Told<T>> & { readonly ok: true }) => ({
  notes: answer.value.notes,
});
