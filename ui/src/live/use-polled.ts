/**
 * A page's answer, asked again while somebody looks at it.
 *
 * A hidden page does not ask. A fault keeps the last answer and is tried again, later each time.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { PathName } from "../../../src/contract/paths.ts";
import type { Ask, Fault } from "../api/client.ts";
import { useApi, useLink } from "./context.tsx";
import { waitVisible } from "./wait-visible.ts";

const PERIOD_MS = 5_000;
const MAX_RETRY_MS = 30_000;

export type Polled<T> = {
  readonly data: T | undefined;
  readonly fault: Fault | undefined;
  readonly loading: boolean;
  readonly retry: () => void;
};

export const usePolled = <T>(
  path: PathName,
  ask: Pick<Ask, "params" | "query"> = {},
): Polled<T> => {
  const api = useApi();
  const asked = JSON.stringify(ask);
  const [state, setState] = useState<Omit<Polled<T>, "retry">>({
    data: undefined,
    fault: undefined,
    loading: true,
  });
  const wake = useRef<() => void>(undefined);
  useEffect(() => {
    const over = new AbortController();
    const follow = async (): Promise<void> => {
      let failures = 0;
      while (!over.signal.aborted) {
        const answer = await api.get<T>(path, {
          ...(JSON.parse(asked) as Ask),
          signal: over.signal,
        });
        if (over.signal.aborted) return;
        failures = answer.ok ? 0 : failures + 1;
        if (answer.ok) setState({ data: answer.value, fault: undefined, loading: false });
        else setState(({ data }) => ({ data, fault: answer.fault, loading: false }));
        const waitMs = Math.min(MAX_RETRY_MS, PERIOD_MS * 2 ** Math.min(failures, 3));
        await waitVisible(waitMs, over.signal, (now) => (wake.current = now));
      }
    };
    void follow();
    return () => over.abort();
  }, [api, path, asked]);

  // The server is heard again: no need to wait for the next try.
  const { stale } = useLink();
  useEffect(() => {
    if (!stale) wake.current?.();
  }, [stale]);
  const retry = useCallback(() => {
    setState((before) => ({ ...before, loading: true }));
    wake.current?.();
  }, []);
  return { ...state, retry };
};
