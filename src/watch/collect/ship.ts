/**
 * What to send next, decided from what the hub says it has.
 *
 * Shape:  the hub's `accepted` and `stored` against the buffer's `first` and `next`.
 *         A stream is one life of a buffer: sequence numbers mean something only within it. A
 *         buffer that meets a hub which already knows more of its stream than the buffer ever wrote
 *         (the agent lost its disk, or two agents share an id) takes a new name, because under the
 *         old one its records would pass for copies and be dropped.
 * Units:  indexes of records; ms.
 */
export type HubState = { readonly accepted: number; readonly stored: number };
export type BufferRange = { readonly first: number; readonly next: number };

/** Written by the shipper, read by the agent's own metrics. */
export type ShipProgress = {
  accepted: number;
  stored: number;
  connected: boolean;
  sent: number;
  quarantined: number;
  /** Records a hub lost after it had reported them stored, when we had deleted them. */
  missing: number;
};

export type Reconciled =
  | { readonly kind: "rename" }
  | {
      readonly kind: "send";
      readonly from: number;
      /** Records the hub lacks and we no longer have: it lost what it had reported stored. */
      readonly missing: number;
    };

export const reconcile = (
  hub: HubState,
  buffer: BufferRange,
  /** False until a hub has once agreed with this buffer. */
  isConfirmed: boolean,
): Reconciled => {
  if (hub.accepted >= buffer.next || (!isConfirmed && hub.accepted > 0)) return { kind: "rename" };
  const from = Math.max(hub.accepted + 1, buffer.first);
  return { kind: "send", from, missing: from - hub.accepted - 1 };
};

/** Nothing the hub has not stored, nothing it was not sent. */
export const trimmable = ({ accepted, stored }: HubState, cursor: number): number =>
  Math.min(stored, accepted, cursor - 1);

/** The hub takes samples up to ten minutes ahead; an answer's clock is a second coarse. */
const AHEAD_MS = 9 * 60_000;

/**
 * Whether a batch may have been refused only because its times are ahead of the hub's clock: after
 * a jump of a clock it is good later.
 */
export const mayBeTooNew = (newestMs: number, hubAtMs: number | undefined): boolean =>
  hubAtMs !== undefined && newestMs - hubAtMs > AHEAD_MS;

const FIRST_DELAY_MS = 200;
/** A hub that comes back is fed again this soon. */
const MAX_DELAY_MS = 2_000;
const MAX_WISH_MS = 30_000;
const MAX_DOUBLINGS = 6;

/** Exponential with jitter; a server may wish for more. */
export const backoffMs = (attempt: number, dice: number, retryAfterMs = 0): number => {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, MAX_DOUBLINGS));
  const jittered = ceiling * (0.5 + dice / 2);
  return Math.max(jittered, Math.min(retryAfterMs, MAX_WISH_MS));
};
