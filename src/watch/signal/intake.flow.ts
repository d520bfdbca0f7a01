/**
 * What agents send, acknowledged once it is in the body log, exactly once by (agent, sequence).
 *
 * Shape:  one request of an agent at a time, so that a number is judged against what is on disk.
 *         A batch that leaves a gap is not taken: the answer says what is, and the agent sends from
 *         there.
 * Errors: Problems; "unavailable" with a delay when the log cannot take more.
 */
import { ok, problem, type Result } from "../../kernel/result.ts";
import { LogFault, type SegmentLog } from "../../io/log/segment-log.ts";
import { decodeBody, type DecodeDeps } from "./decode-record.ts";
import { encodeHubRecord } from "./hub-record.ts";
import type { Content } from "./parts.ts";
import type { BatchSource, Ingested, KpiReadingRow } from "./signals.ts";

export type AgentBook = Map<string, { accepted: number; stored: number }>;

export type IntakeDeps = DecodeDeps & {
  readonly log: Pick<SegmentLog, "append">;
  readonly agents: AgentBook;
  readonly now: () => number;
  /** Called in the order of the log, once the record is durable. */
  readonly taken: (index: number, content: Content) => void;
  /** The log's disk broke: nothing can be acknowledged any more. */
  readonly broken: (fault: LogFault) => void;
};

/** A name costs memory and a row for ever; a fleet has hundreds. */
const MAX_AGENTS = 10_000;
const FULL_RETRY_MS = 5_000;

export const openIntake = (deps: IntakeDeps) => {
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = async <T>(agent: string, work: () => Promise<T>): Promise<T> => {
    const mine = (turns.get(agent) ?? Promise.resolve()).then(work);
    const settled = mine.catch(() => undefined);
    turns.set(agent, settled);
    try {
      return await mine;
    } finally {
      if (turns.get(agent) === settled) turns.delete(agent);
    }
  };
  return {
    ingest: (
      source: BatchSource,
      encoding: "zstd" | "identity",
      body: Uint8Array,
    ): Promise<Result<Ingested>> => {
      const { agents } = deps;
      if (!agents.has(source.agentId) && agents.size + turns.size >= MAX_AGENTS) {
        const message = `x-novaevo-agent: ${MAX_AGENTS} agents are known, no new one is taken`;
        return Promise.resolve(problem("too_many", message));
      }
      return inTurn(source.agentId, () => takeBatch(deps, source, encoding, body));
    },
    appendReadings: async (readings: readonly KpiReadingRow[]): Promise<void> => {
      if (readings.length === 0) return;
      const index = await append(deps, encodeHubRecord({ kind: "readings", readings }));
      deps.taken(index, { kind: "readings", readings });
    },
  };
};

const append = async (
  { log, broken }: Pick<IntakeDeps, "log" | "broken">,
  record: Uint8Array,
): Promise<number> => {
  try {
    return await log.append(record);
  } catch (fault) {
    if (fault instanceof LogFault && fault.reason === "io") broken(fault);
    throw fault;
  }
};

const takeBatch = async (
  deps: IntakeDeps,
  { agentId, seq, previous }: BatchSource,
  encoding: "zstd" | "identity",
  body: Uint8Array,
): Promise<Result<Ingested>> => {
  const known = deps.agents.get(agentId) ?? { accepted: 0, stored: 0 };
  const answer = (samples: number, duplicate: boolean): Result<Ingested> =>
    ok({ accepted: known.accepted, stored: known.stored, samples, duplicate });
  if (seq <= known.accepted) return answer(0, true);
  if (previous !== undefined && previous > known.accepted) return answer(0, false);
  const head = { agent: agentId, seq, encoding, atMs: deps.now() };
  const samples = decodeBody(deps, head, body);
  if (!samples.ok) return samples;
  try {
    const index = await append(deps, encodeHubRecord({ kind: "samples", head, body }));
    known.accepted = seq;
    deps.agents.set(agentId, known);
    deps.taken(index, { kind: "samples", head, samples: samples.value });
    return answer(samples.value.count, false);
  } catch (fault) {
    if (!(fault instanceof LogFault)) throw fault;
    const message = `the hub cannot keep more now: ${fault.message}`;
    return problem("unavailable", message, { retryAfterMs: FULL_RETRY_MS });
  }
};
