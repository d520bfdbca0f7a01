/**
 * Faults that are asked for: what a rehearsal breaks in a running service.
 *
 * Shape:  one of each kind at a time, each ends by itself. `slow` and `errors` meet a share of the
 *         requests, `partition` and `partner-down` a share of the calls that leave, `disk-full`
 *         a share of the writes. `leak` (up to a share of the heap) and `cpu` (a share of the
 *         time) are done by `fault-load.ts`.
 * Units:  milliseconds; shares from 0 to 1; `nowMs` and `dice` come from outside.
 * Errors: none here; what a fault does to a caller is in the words of that caller (a `NetworkLost`,
 *         an ENOSPC).
 */
import { z } from "zod";

export const FAULT_KINDS = [
  ...(["slow", "errors", "leak", "cpu", "partition", "disk-full", "partner-down"] as const),
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

const MAX_FAULT_MS = 3_600_000;
const DEFAULT_FAULT_MS = 120_000;
const MAX_DELAY_MS = 60_000;
/** What a lost network takes to be noticed, unless said. */
const DEFAULT_LOST_MS = 250;
const DEFAULT_SLOW_MS = 2_000;
/** A version that is bad from its start fails this often. */
const BAD_VERSION_SHARE = 0.5;

export const faultOrder = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  share: z.number().min(0).max(1).default(1),
  forMs: z.int().min(1).max(MAX_FAULT_MS).default(DEFAULT_FAULT_MS),
  delayMs: z.int().min(0).max(MAX_DELAY_MS).optional(),
});
export type FaultOrder = z.output<typeof faultOrder>;
export type FaultInForce = {
  readonly kind: FaultKind;
  readonly share: number;
  readonly untilMs: number;
  readonly delayMs: number | undefined;
};

export type Faults = {
  readonly inject: (order: FaultOrder) => FaultInForce;
  readonly lift: () => void;
  readonly inForce: () => readonly FaultInForce[];
  readonly of: (kind: FaultKind) => FaultInForce | undefined;
  /** What this request meets: nothing (undefined), a delay, an error. */
  readonly meets: () => { readonly delayMs: number; readonly fails: boolean } | undefined;
  /** How long until a call that leaves is lost; undefined: it goes through. */
  readonly losesCall: (to: "service" | "partner" | "database") => number | undefined;
  readonly diskIsFull: () => boolean;
};

export const newFaults = (deps: {
  readonly nowMs: () => number;
  readonly dice: () => number;
  readonly version: string;
}): Faults => {
  const all = new Map<FaultKind, FaultInForce>();
  const isBad = deps.version.endsWith("-bad");
  const of = (kind: FaultKind): FaultInForce | undefined => {
    const found = all.get(kind);
    if (found === undefined || found.untilMs > deps.nowMs()) return found;
    all.delete(kind);
    return undefined;
  };
  const hits = (found: FaultInForce | undefined): found is FaultInForce =>
    found !== undefined && (found.share >= 1 || deps.dice() < found.share);
  return {
    inject: ({ kind, share, forMs, delayMs }) => {
      const made = { kind, share, delayMs, untilMs: deps.nowMs() + forMs };
      all.set(kind, made);
      return made;
    },
    lift: () => all.clear(),
    inForce: () => FAULT_KINDS.flatMap((kind) => of(kind) ?? []),
    of,
    meets: () => {
      if (all.size === 0 && !isBad) return undefined;
      const fails = hits(of("errors")) || (isBad && deps.dice() < BAD_VERSION_SHARE);
      const slow = of("slow");
      return { fails, delayMs: hits(slow) ? (slow.delayMs ?? DEFAULT_SLOW_MS) : 0 };
    },
    losesCall: (to) => {
      if (all.size === 0) return undefined;
      const cut = of("partition");
      if (hits(cut)) return cut.delayMs ?? DEFAULT_LOST_MS;
      const down = of("partner-down");
      // A partner that is down refuses the connection: at once.
      return to === "partner" && hits(down) ? (down.delayMs ?? 0) : undefined;
    },
    diskIsFull: () => all.size > 0 && hits(of("disk-full")),
  };
};

/** A call that never arrived, as the network of a cut-off process gives it. */
export class NetworkLost extends Error {
  override readonly name = "NetworkLost";
  readonly code: string;
  constructor(to: string, isRefused = false) {
    super(isRefused ? `connect ECONNREFUSED ${to}` : `connect ETIMEDOUT ${to}`);
    this.code = isRefused ? "ECONNREFUSED" : "ETIMEDOUT";
  }
}

/** What the kernel says when a disk takes no more. */
export const diskFull = (path: string): Error =>
  Object.assign(new Error(`ENOSPC: no space left on device, write '${path}'`), { code: "ENOSPC" });
