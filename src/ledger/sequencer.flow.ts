/**
 * Gives recorded entries their places in the Merkle tree, and signs the tree's head.
 *
 * Shape:  one sequencer at a time holds the lease; each of its transactions checks the lease's
 *         epoch first, so one that was stopped and replaced changes nothing when it wakes up.
 *         Groups of at most `MAX_GROUP` entries; a head at most once a second, and only when there
 *         is something new under it. Polling is the truth; `wake` only makes it sooner. Before it
 *         signs, the new tree is proved to extend the head that was remembered outside the
 *         database. If it does not, the state is `forked`: places are still given, nothing is
 *         signed, and whoever waits for inclusion goes on waiting, which is the safe side.
 * Units:  ms; `monotonic` for intervals, `now` for what is stored.
 * Errors: a tick throws database faults; the loop reports them and tries again.
 */
import type { Clock } from "../kernel/clock.ts";
import { problem, ok } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import type { Db, Tx } from "../io/postgres/db.ts";
import { acquireLease, fenceOf, releaseLease, renewLease } from "../io/lease/lease.store.ts";
import type { Fence, Lease } from "../io/lease/lease.store.ts";
import { sha256, verifierOf } from "./adapters/node-crypto.ts";
import { extend, rootOf } from "./merkle.ts";
import type { Frontier } from "./merkle.ts";
import { openCheckpoint, signCheckpoint } from "./note.ts";
import type { HeadMemory, Signer } from "./note.ts";
import { proveConsistency } from "./ledger.flow.ts";
import {
  insertHead,
  loadEntry,
  loadFrontier,
  loadLastHead,
  loadPending,
  place,
} from "./tree.store.ts";

export const MAX_GROUP = 1_024;
const LEASE_NAME = "ledger.sequencer";
const LEASE_TTL_MS = 10_000;
const RENEW_AFTER_MS = LEASE_TTL_MS / 3;
const HEAD_INTERVAL_MS = 1_000;
const IDLE_POLL_MS = 1_000;
/** After a hint: long enough for entries committed together to be placed together. */
const HINT_POLL_MS = 100;
const INCLUSION_POLL_MS = 250;
const FORKED = "the ledger does not extend the head that was remembered: nothing is signed";

export type SequencerDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly memory: HeadMemory;
  /** Names this process among those that may sequence; unique to it. */
  readonly holder: string;
  readonly onFault: (message: string, fault?: unknown) => void;
  /** Tests replace it to show what happens without it. */
  readonly fenceOf?: (lease: Lease) => Fence;
};

export type Tick = {
  readonly state: "leading" | "standby" | "forked";
  readonly placed: number;
  /** True when entries are placed that no head covers yet. */
  readonly unsigned: boolean;
};

export type Ticker = {
  readonly tick: () => Promise<Tick>;
  readonly release: () => Promise<void>;
};

export type Inclusion = { readonly seq: number; readonly headSize: number };

export type Sequencer = {
  /** Something was recorded and committed. */
  readonly wake: () => void;
  /** Resolves once the entry has its place under a signed head. */
  readonly waitForInclusion: (id: string, timeoutMs: number) => Promise<Result<Inclusion>>;
  readonly state: () => Tick["state"] | "starting" | "failing";
  readonly close: () => Promise<void>;
};

const STANDBY: Tick = { state: "standby", placed: 0, unsigned: false };

/** The sequencer without its loop: one tick is one look at what is to be done. */
export const createTicker = (deps: SequencerDeps): Ticker => {
  const { db, clock, holder } = deps;
  let lease: Lease | undefined;
  let renewedAtMs = 0;
  let triedToSignAtMs = -Infinity;
  let forked = false;
  // Another holder may have left entries unsigned, so the first look is always taken.
  let unsigned = true;

  const lead = async (): Promise<Lease | undefined> => {
    const nowMs = clock.monotonic();
    if (lease === undefined) {
      lease = await acquireLease(db, { name: LEASE_NAME, holder, ttlMs: LEASE_TTL_MS });
      renewedAtMs = nowMs;
      unsigned = true;
    } else if (nowMs - renewedAtMs >= RENEW_AFTER_MS) {
      if (!(await renewLease(db, lease, LEASE_TTL_MS))) lease = undefined;
      renewedAtMs = nowMs;
    }
    return lease;
  };

  const replaced = (): Tick => {
    lease = undefined;
    return STANDBY;
  };

  const tick = async (): Promise<Tick> => {
    const held = await lead();
    if (held === undefined) return STANDBY;
    const fence = (deps.fenceOf ?? fenceOf)(held);
    const placed = await placeGroup(db, fence);
    if (placed === "lost") return replaced();
    if (placed > 0) unsigned = true;
    const mayTry = clock.monotonic() - triedToSignAtMs >= HEAD_INTERVAL_MS;
    const head = unsigned && mayTry ? await signHead(deps, fence) : "waiting";
    if (head === "lost") return replaced();
    if (head !== "waiting") triedToSignAtMs = clock.monotonic();
    if (head === "forked" && !forked) deps.onFault(FORKED);
    if (head !== "waiting") forked = head === "forked";
    if (head === "signed" || head === "nothing") unsigned = false;
    return { state: forked ? "forked" : "leading", placed, unsigned };
  };

  const release = async (): Promise<void> => {
    if (lease !== undefined) await releaseLease(db, lease);
    lease = undefined;
  };
  return { tick, release };
};

const placeGroup = (db: Db, fence: Fence): Promise<number | "lost"> =>
  db.tx(async (tx) => {
    if (!(await fence(tx))) return "lost";
    const pending = await loadPending(tx, MAX_GROUP);
    if (pending.length === 0) return 0;
    const before = await loadFrontier(tx);
    const leaves = pending.map((entry) => entry.leafHash);
    const { frontier, nodes } = extend(sha256, before, leaves);
    const ids = pending.map((entry) => entry.id);
    await place(tx, { ids, first: before.size, frontier, nodes });
    return ids.length;
  });

const signHead = async (
  deps: SequencerDeps,
  fence: Fence,
): Promise<"signed" | "nothing" | "forked" | "lost"> => {
  const { signer, memory } = deps;
  const remembered = await memory.read();
  let signed: string | undefined;
  const outcome = await deps.db.tx(async (tx) => {
    if (!(await fence(tx))) return "lost";
    const frontier = await loadFrontier(tx);
    if (!(await extendsRemembered(signer, tx, frontier, remembered))) return "forked";
    const last = await loadLastHead(tx);
    if (frontier.size === (last?.size ?? 0)) return "nothing";
    const root = rootOf(sha256, frontier);
    signed = signCheckpoint(signer, { origin: signer.key.name, size: frontier.size, root });
    await insertHead(tx, { size: frontier.size, note: signed }, deps.clock.now());
    return "signed";
  });
  // After the commit: a head remembered that was never stored would look like a truncation.
  if (outcome === "signed" && signed !== undefined) await memory.write(signed);
  return outcome;
};

const extendsRemembered = async (
  signer: Signer,
  tx: Tx,
  frontier: Frontier,
  remembered: string | undefined,
): Promise<boolean> => {
  if (remembered === undefined) return true;
  const head = openCheckpoint([verifierOf(signer.key)], remembered);
  if (!head.ok) return false;
  const root = rootOf(sha256, frontier);
  return proveConsistency(tx, head.value, { size: frontier.size, root });
};

export const startSequencer = (deps: SequencerDeps): Sequencer => {
  const ticker = createTicker(deps);
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  const rest = restless(closing.signal);
  let state: ReturnType<Sequencer["state"]> = "starting";

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      rest.forget();
      let again: "now" | "soon" | "later" = "later";
      try {
        const tick = await ticker.tick();
        state = tick.state;
        if (tick.placed === MAX_GROUP) again = "now";
        else if (tick.unsigned) again = "soon";
      } catch (fault) {
        state = "failing";
        deps.onFault("the ledger's sequencer failed and will try again", fault);
      }
      for (const listener of listeners) listener();
      if (again === "soon") await rest.pause(HINT_POLL_MS);
      if (again === "later") await rest.pauseUnlessWoken(IDLE_POLL_MS);
      // A hint is given the time to gather others.
      if (again === "later" && rest.woken()) await rest.pause(HINT_POLL_MS);
    }
    await ticker.release().catch((fault: unknown) => {
      deps.onFault("the ledger's lease could not be released; it expires by itself", fault);
    });
  };
  const running = run();
  return {
    wake: rest.wake,
    waitForInclusion: waitForInclusion({ ...deps, wake: rest.wake, listeners }),
    state: () => state,
    close: async () => {
      closing.abort();
      await running;
    },
  };
};

/** Pauses that end early: all of them when the signal says so, some when woken. */
const restless = (signal: AbortSignal) => {
  let woken = false;
  let interrupt: (() => void) | undefined;
  const pause = (ms: number, mayWake: boolean): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted || (mayWake && woken)) {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        interrupt = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      if (mayWake) interrupt = done;
    });
  return {
    forget: () => {
      woken = false;
    },
    woken: () => woken,
    wake: () => {
      woken = true;
      interrupt?.();
    },
    pause: (ms: number) => pause(ms, false),
    pauseUnlessWoken: (ms: number) => pause(ms, true),
  };
};

const waitForInclusion =
  (deps: {
    readonly db: Db;
    readonly clock: Clock;
    readonly wake: () => void;
    readonly listeners: Set<() => void>;
  }) =>
  async (id: string, timeoutMs: number): Promise<Result<Inclusion>> => {
    const { db, clock, listeners } = deps;
    const deadlineMs = clock.monotonic() + timeoutMs;
    for (;;) {
      deps.wake();
      const entry = await loadEntry(db, id);
      if (entry === undefined) return problem("not_found", `no ledger entry has the id ${id}`);
      const headSize = (await loadLastHead(db))?.size ?? 0;
      if (entry.seq !== null && entry.seq < headSize) return ok({ seq: entry.seq, headSize });
      if (clock.monotonic() >= deadlineMs) {
        const what = entry.seq === null ? "has no place" : "is under no signed head";
        return problem("unavailable", `ledger entry ${id} ${what} after ${timeoutMs} ms`);
      }
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          listeners.delete(done);
          resolve();
        };
        const timer = setTimeout(done, INCLUSION_POLL_MS);
        listeners.add(done);
      });
    }
  };
