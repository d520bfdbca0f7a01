/**
 * From an agent's batch to the store: acknowledged in the body log, stored exactly once.
 *
 * Shape:  opens by reading back what the log holds and the store may not have; then `ingest` and
 *         `appendReadings` acknowledge, and `flusher.run` brings batches to the store.
 * Errors: as intake.flow.ts and flush.flow.ts.
 */
import type { SegmentLog } from "../../../io/log/segment-log.ts";
import { decodeBody, decodeContent, withRefused } from "./decode-record.ts";
import { openFlusher, type FlushDeps, type Flusher } from "./flush.flow.ts";
import { encodeHubRecord, type BodyHead } from "./hub-record.ts";
import { openIntake, type AgentBook, type IntakeDeps } from "./intake.flow.ts";
import type { Content } from "./parts.ts";
import type { Signals } from "../signals.ts";
import { openSpanRecords } from "./span-record.flow.ts";

export type PipelineDeps = Omit<FlushDeps, "log" | "prepare" | "mayForget"> &
  Omit<IntakeDeps, "log" | "agents"> & { readonly log: SegmentLog };

export type Pipeline = Pick<Signals, "ingest" | "take" | "appendReadings" | "agentState"> & {
  readonly flusher: Flusher;
  /** Metrics of spans into the log; called every second, and before a batch is begun. */
  readonly writeSpanMetrics: () => Promise<void>;
};

/** The engine's own series count for nobody else. */
const OWN_SOURCE = "novaevo";
const REPLAY = { maxRecords: 256, maxBytes: 8 * 1024 * 1024 };
const NOTHING = { accepted: 0, stored: 0 };

export const openPipeline = async (deps: PipelineDeps): Promise<Pipeline> => {
  const agents: AgentBook = new Map();
  for (const [agent, seq] of await deps.book.agents()) {
    agents.set(agent, { accepted: seq, stored: seq });
  }
  const append = async (head: BodyHead, body: Uint8Array): Promise<void> => {
    const decoded = decodeBody(deps, head, body);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const content = withRefused(decoded.value);
    const record = encodeHubRecord({ kind: "body", head: content.head, body });
    taken(await deps.log.append(record), content);
  };
  const spans = openSpanRecords({
    now: deps.now,
    append: (body, spansThrough) => {
      const atMs = deps.now();
      const what = { source: OWN_SOURCE, format: "remote-write", encoding: "identity" } as const;
      return append({ ...what, atMs, spansThrough }, body);
    },
  });
  const flusher = openFlusher({
    ...deps,
    prepare: spans.write,
    mayForget: spans.mayForget,
    stored: (batch) => {
      for (const [agent, seq] of batch.agents) {
        const known = agents.get(agent);
        if (known !== undefined) known.stored = Math.max(known.stored, seq);
      }
      deps.stored(batch);
    },
  });
  const taken = (index: number, content: Content): void => {
    flusher.add(index, content);
    deps.taken(index, content);
    if (isLive) spans.taken(index, content);
    else spans.replayed(index, content);
  };
  let isLive = false;
  await replay(deps.log, await deps.book.watermark(), (index, bytes) => {
    const content = decodeContent(deps, bytes);
    const agent = content.kind === "samples" ? content.head.agent : undefined;
    if (agent !== undefined) noteAccepted(agents, agent.id, agent.seq);
    if (content.kind === "damaged") deps.say("a record of the log cannot be read", { index });
    taken(index, content);
  });
  spans.begin();
  isLive = true;
  return {
    ...openIntake({ ...deps, agents, taken }),
    ...{ flusher, writeSpanMetrics: spans.write },
    agentState: async (agentId) => ({ ...(agents.get(agentId) ?? NOTHING) }),
  };
};

const noteAccepted = (agents: AgentBook, agent: string, seq: number): void => {
  const known = agents.get(agent);
  if (known === undefined) agents.set(agent, { accepted: seq, stored: 0 });
  else known.accepted = Math.max(known.accepted, seq);
};

/** Everything in the log that is not known to be in the store, in order. */
const replay = async (
  log: Pick<SegmentLog, "read">,
  after: number,
  take: (index: number, bytes: Uint8Array) => void,
): Promise<void> => {
  let from = after + 1;
  for (;;) {
    const records = await log.read(from, REPLAY);
    const last = records.at(-1);
    if (last === undefined) return;
    for (const { index, body } of records) take(index, body);
    from = last.index + 1;
  }
};
