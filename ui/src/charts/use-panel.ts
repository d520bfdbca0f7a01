/**
 * A chart's series: the whole window at first, then only what is newer, once a step.
 *
 * A hidden page does not ask; when it is shown again it asks from its last point, so that nothing
 * is missing. A fault keeps the last points and is tried again, later each time.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { Panel } from "../../../src/contract/ops.ts";
import type { Answer, Fault } from "../api/client.ts";
import { useApi, useLink } from "../live/context.tsx";
import { waitVisible } from "../live/wait-visible.ts";
import { fits, mergePanel, type SeriesWindow } from "./series-window.ts";

const MIN_PERIOD_MS = 1_000;
const MAX_PERIOD_MS = 5_000;
const MAX_RETRY_MS = 15_000;
/** The newest points may still be revised; ask for them again. */
const OVERLAP_STEPS = 2;

export type Trend = {
  readonly window: SeriesWindow | undefined;
  readonly unit: Panel["unit"];
  readonly why: Panel["why"];
  readonly fault: Fault | undefined;
  readonly loading: boolean;
};

const nothing: Trend = {
  window: undefined,
  unit: "ratio",
  why: null,
  fault: undefined,
  loading: true,
};

export const usePanel = (id: Panel["id"]): Trend & { readonly retry: () => void } => {
  const api = useApi();
  const [trend, setTrend] = useState(nothing);
  const wake = useRef<() => void>(undefined);

  useEffect(() => {
    const over = new AbortController();
    let current = nothing;
    const show = (next: Trend): void => {
      current = next;
      if (!over.signal.aborted) setTrend(next);
    };
    const once = async (): Promise<boolean> => {
      let answer = await ask(current.window);
      // Other lines, or away too long for the newest points to join: the whole window again.
      if (answer.ok && current.window !== undefined && !fits(current.window, answer.value)) {
        answer = await ask(undefined);
      }
      if (!answer.ok) {
        show({ ...current, fault: answer.fault, loading: false });
        return false;
      }
      const { unit, why } = answer.value;
      const window = mergePanel(current.window, answer.value);
      show({ window, unit, why, fault: undefined, loading: false });
      return true;
    };
    const ask = (before: SeriesWindow | undefined): Promise<Answer<Panel>> => {
      const last = before?.times.at(-1);
      const overlapMs = OVERLAP_STEPS * (before?.stepMs ?? 0);
      const query = last === undefined ? {} : { from: new Date(last - overlapMs).toISOString() };
      return api.get<Panel>("panel", { params: { id }, query, signal: over.signal });
    };
    const follow = async (): Promise<void> => {
      let failures = 0;
      while (!over.signal.aborted) {
        failures = (await once()) ? 0 : failures + 1;
        const step = current.window?.stepMs ?? MAX_PERIOD_MS;
        const period = Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, step));
        const waitMs = Math.min(MAX_RETRY_MS, period * 2 ** Math.min(failures, 4));
        await waitVisible(waitMs, over.signal, (now) => (wake.current = now));
      }
    };
    void follow();
    return () => over.abort();
  }, [api, id]);

  // The server is heard again: no need to wait for the next try.
  const { stale } = useLink();
  useEffect(() => {
    if (!stale) wake.current?.();
  }, [stale]);

  const retry = useCallback(() => {
    setTrend((before) => ({ ...before, loading: true }));
    wake.current?.();
  }, []);
  return { ...trend, retry };
};
