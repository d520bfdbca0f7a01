/**
 * Ships the buffer to the hub: in order, one request at a time, until everything is there.
 *
 * Shape:  ask the hub what it has → send what it lacks → delete what it has stored; any doubt about
 *         the connection leads back to asking. A batch the hub can never accept goes to quarantine.
 * Errors: none end the loop; the agent collects on while the hub is away.
 */
import type { LogRecord, SegmentLog } from "../../io/log/segment-log.ts";
import type { HubLink, LinkOutcome } from "./hub-link.ts";
import {
  backoffMs,
  mayBeTooNew,
  reconcile,
  trimmable,
  type HubState,
  type ShipProgress,
} from "./ship.ts";
import type { Stream } from "./stream.flow.ts";

export type ShipDeps = {
  readonly log: SegmentLog;
  readonly link: HubLink;
  readonly stream: Stream;
  readonly random: () => number;
  /** The time of a batch's newest sample. */
  readonly newestMs: (body: Uint8Array) => number;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Resolves when a record was appended, or after the delay. */
  readonly waitForRecords: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Keeps the batch where people can look at it; never rejects. */
  readonly quarantine: (seq: number, body: Uint8Array, why: string) => Promise<void>;
  readonly progress: ShipProgress;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export const noProgress = (log: Pick<SegmentLog, "first">): ShipProgress => ({
  accepted: log.first() - 1,
  stored: log.first() - 1,
  connected: false,
  sent: 0,
  quarantined: 0,
  missing: 0,
});

const READ_LIMIT = { maxRecords: 64, maxBytes: 4 * 1024 * 1024 };
const IDLE_MS = 1_000;
const UNAUTHORISED_DELAY_MS = 5_000;
const HELD_RETRY_MS = 5_000;
const MINUTE_MS = 60_000;

type Sending = { cursor: number; previous: number };

type Poison = Extract<LinkOutcome, { kind: "poison" }>;

/** A batch was refused: set aside, so that the next one is tried, or held where time will help. */
const refuse = async (
  deps: ShipDeps,
  poisoned: Set<number>,
  { index: seq, body }: LogRecord,
  { why, hubAtMs }: Poison,
): Promise<LinkOutcome | undefined> => {
  if (hubAtMs !== undefined && mayBeTooNew(deps.newestMs(body), hubAtMs)) {
    const minutes = Math.round((deps.newestMs(body) - hubAtMs) / MINUTE_MS);
    const why = `a batch is ${minutes} min ahead of the hub's clock and waits`;
    return { kind: "retry", why, retryAfterMs: HELD_RETRY_MS };
  }
  poisoned.add(seq);
  deps.progress.quarantined += 1;
  deps.say("the hub can never accept this batch", { seq, why });
  await deps.quarantine(seq, body, why);
  return undefined;
};

const note = async (deps: ShipDeps, state: HubState, cursor: number): Promise<void> => {
  const { progress, log } = deps;
  progress.accepted = state.accepted;
  progress.stored = state.stored;
  const through = trimmable(state, cursor);
  if (through >= log.first()) await log.trim(through);
};

/** Sends what the buffer holds, batch after batch; answers why it had to stop. */
const drain = async (
  deps: ShipDeps,
  sending: Sending,
  poisoned: Set<number>,
  signal: AbortSignal,
): Promise<LinkOutcome | undefined> => {
  const { log, link, stream, progress } = deps;
  while (!signal.aborted) {
    const records = await log.read(sending.cursor, READ_LIMIT);
    if (records.length === 0) return undefined;
    for (const record of records) {
      if (signal.aborted) return undefined;
      const { index: seq, body } = record;
      if (!poisoned.has(seq)) {
        const batch = { seq, previous: sending.previous, body };
        const outcome = await link.send(stream.id(), batch, signal);
        if (outcome.kind === "poison") {
          const held = await refuse(deps, poisoned, record, outcome);
          if (held !== undefined) return held;
        } else if (outcome.kind !== "state") {
          return outcome;
        } else if (outcome.state.accepted !== seq) {
          // It has less than it was just sent, or more than we wrote: ask, and start over.
          return { kind: "retry", why: `the hub has ${outcome.state.accepted}, not ${seq}` };
        } else {
          progress.sent += 1;
          sending.previous = seq;
          await note(deps, outcome.state, seq + 1);
        }
      }
      sending.cursor = seq + 1;
    }
  }
  return undefined;
};

/** Asks the hub what it has; answers where to go on, or what is in the way. */
const agree = async (deps: ShipDeps, signal: AbortSignal): Promise<LinkOutcome | Sending> => {
  const { log, link, stream, progress } = deps;
  const outcome = await link.state(stream.id(), signal);
  if (outcome.kind !== "state") return outcome;
  const buffer = { first: log.first(), next: log.next() };
  const decided = reconcile(outcome.state, buffer, stream.isConfirmed());
  if (decided.kind === "rename") {
    const oldId = stream.id();
    await stream.rename();
    const { accepted } = outcome.state;
    deps.say("the hub knows more of this stream than we do: starting a new one", {
      oldId,
      newId: stream.id(),
      accepted,
      next: buffer.next,
    });
    return { kind: "retry", why: "the stream was renamed" };
  }
  await stream.confirm();
  if (decided.missing > 0) {
    progress.missing = Math.max(progress.missing, decided.missing);
    deps.say("the hub lost records that were deleted here", { records: decided.missing });
  }
  await note(deps, outcome.state, decided.from);
  return { cursor: decided.from, previous: outcome.state.accepted };
};

const delayOf = (outcome: LinkOutcome, attempt: number, dice: number): number => {
  // The first time the token may just have been changed; the next try reads it again.
  if (outcome.kind === "unauthorised" && attempt > 0) return UNAUTHORISED_DELAY_MS;
  return backoffMs(attempt, dice, outcome.kind === "retry" ? outcome.retryAfterMs : undefined);
};

/** From an agreement to the first problem; `undefined` when it is time to ask again. */
const shipWhileAgreed = async (
  deps: ShipDeps,
  poisoned: Set<number>,
  signal: AbortSignal,
): Promise<{ readonly problem: LinkOutcome | undefined; readonly advanced: boolean }> => {
  const { progress, log } = deps;
  const agreed = await agree(deps, signal);
  if (!("cursor" in agreed)) return { problem: agreed, advanced: false };
  const from = agreed.cursor;
  if (!progress.connected) deps.say("the hub is there", { from });
  progress.connected = true;
  do {
    const problem = await drain(deps, agreed, poisoned, signal);
    if (problem !== undefined) return { problem, advanced: agreed.cursor > from };
    await deps.waitForRecords(IDLE_MS, signal);
    // Nothing to send, but not all stored: only asking tells when it may be deleted.
  } while (!signal.aborted && (log.next() > agreed.cursor || progress.stored >= progress.accepted));
  return { problem: undefined, advanced: true };
};

export const runShipper = async (deps: ShipDeps, signal: AbortSignal): Promise<void> => {
  const poisoned = new Set<number>();
  let attempt = 0;
  let saidWhy: string | undefined;
  while (!signal.aborted) {
    const { problem, advanced } = await shipWhileAgreed(deps, poisoned, signal).catch(
      (fault: unknown) => ({
        problem: { kind: "retry", why: String(fault) } as const,
        advanced: false,
      }),
    );
    if (advanced) [attempt, saidWhy] = [0, undefined];
    if (problem === undefined || signal.aborted) continue;
    const why = problem.kind === "state" ? "" : problem.why;
    if (why !== saidWhy) deps.say("cannot ship", { kind: problem.kind, why });
    saidWhy = why;
    deps.progress.connected = false;
    await deps.sleep(delayOf(problem, attempt, deps.random()), signal);
    attempt += 1;
  }
};
