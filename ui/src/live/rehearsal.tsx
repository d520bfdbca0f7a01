/**
 * Whether this is a rehearsal, and what is broken in it on purpose.
 *
 * A real platform is asked once, and again when the server comes back: another process may answer.
 * A rehearsal is asked on, so that every page says what is in force.
 */
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { ReactNode } from "react";
import type { Rehearsal } from "../../../src/contract/fault.ts";
import type { Fault } from "../api/client.ts";
import { useApi, useLink } from "./context.tsx";
import { waitVisible } from "./wait-visible.ts";

const PERIOD_MS = 2_000;
const RETRY_MS = 15_000;
const NEVER_MS = 24 * 3_600_000;

type Told = {
  readonly rehearsal: Rehearsal | undefined;
  readonly fault: Fault | undefined;
  /** Asks now. */
  readonly reload: () => void;
};

const RehearsalContext = createContext<Told>({
  rehearsal: undefined,
  fault: undefined,
  reload: () => undefined,
});

export const RehearsalProvider = ({ children }: { readonly children: ReactNode }) => {
  const api = useApi();
  const [rehearsal, setRehearsal] = useState<Rehearsal>();
  const [fault, setFault] = useState<Fault>();
  const wake = useRef<() => void>(undefined);
  useEffect(() => {
    const over = new AbortController();
    const follow = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const answer = await api.get<Rehearsal>("faults", { signal: over.signal });
        if (over.signal.aborted) return;
        setFault(answer.ok ? undefined : answer.fault);
        if (answer.ok) setRehearsal(answer.value.isRehearsal ? answer.value : undefined);
        const isNone = answer.ok ? !answer.value.isRehearsal : answer.fault.status === 404;
        const waitMs = isNone ? NEVER_MS : answer.ok ? PERIOD_MS : RETRY_MS;
        await waitVisible(waitMs, over.signal, (now) => (wake.current = now));
      }
    };
    void follow();
    return () => over.abort();
  }, [api]);
  const { stale } = useLink();
  const reload = useCallback(() => wake.current?.(), []);
  useEffect(() => {
    if (!stale) reload();
  }, [stale, reload]);
  const told = useMemo(() => ({ rehearsal, fault, reload }), [rehearsal, fault, reload]);
  return <RehearsalContext value={told}>{children}</RehearsalContext>;
};

/** `rehearsal` is undefined on a real platform. */
export const useRehearsal = (): Told => useContext(RehearsalContext);
