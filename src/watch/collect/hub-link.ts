/**
 * The hub as the agent sees it.
 *
 * Shape:  `state` is asked first on every connection: a hub that restarted may have less than it
 *         accepted before. `send` refuses a connection on which the state was not asked.
 * Errors: none are thrown; every outcome is a value.
 */
import type { HubState } from "./ship.ts";

export type LinkOutcome =
  | { readonly kind: "state"; readonly state: HubState }
  /** This batch can never be accepted, unless `hubAtMs` shows that its times are only too new. */
  | { readonly kind: "poison"; readonly why: string; readonly hubAtMs?: number }
  | { readonly kind: "unauthorised"; readonly why: string }
  | { readonly kind: "retry"; readonly why: string; readonly retryAfterMs?: number };

export type Batch = {
  readonly seq: number;
  /** The last sequence number before this one that still exists; tells a gap from a loss. */
  readonly previous: number;
  readonly body: Uint8Array;
};

export type HubLink = {
  readonly state: (streamId: string, signal: AbortSignal) => Promise<LinkOutcome>;
  readonly send: (streamId: string, batch: Batch, signal: AbortSignal) => Promise<LinkOutcome>;
  readonly close: () => void;
};
