/**
 * What agents and others send, acknowledged once it is in the body log.
 *
 * Shape:  an agent's batches exactly once by (agent, sequence), one request of an agent at a time,
 *         so that a number is judged against what is on disk. A batch that leaves a gap is not
 *         taken: the answer says what is, and the agent sends from there. Others (`take`) have no
 *         numbers: what they repeat is the same samples again, which a reader sees once.
 * Errors: Problems; "unavailable" with a delay when the log cannot take more.
 */
import { ok, problem, type Result } from "../../../kernel/result.ts";
import { LogFault, type SegmentLog } from "../../../io/log/segment-log.ts";
import {
  decodeBody,
  MAX_AHEAD_MS,
  withRefused,
  type Decoded,
  type DecodeDeps,
} from "./decode-record.ts";
import { encodeHubRecord } from "./hub-record.ts";
import { rowsOf, type Content } from "./parts.ts";
import { SAMPLE_RETENTION_DAYS } from "../store/signal-tables.ts";
import type { BatchSource, ForeignBody, Ingested, KpiReadingRow, Taken } from "../signals.ts";

export type AgentBook = Map<string, { accepted: number; stored: number }>;

export type IntakeDeps = DecodeDeps & {
  readonly log: Pick<SegmentLog, "append">;
  readonly agents: AgentBook;
  readonly now: () => number;
  /** Which labels make a metric's series many. */
  readonly spreadOf: (metric: string) => string;
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
    take: (head: ForeignBody, body: Uint8Array): Promise<Result<Taken>> =>
      takeForeign(deps, head, body),
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
  const answer = (
    duplicate: boolean,
    samples = 0,
    complaints: readonly string[] = [],
  ): Result<Ingested> =>
    ok({ accepted: known.accepted, stored: known.stored, samples, duplicate, complaints });
  if (seq <= known.accepted) return answer(true);
  if (previous !== undefined && previous > known.accepted) return answer(false);
  const agent = { id: agentId, seq };
  const atMs = deps.now();
  const head = { source: agentId, format: "remote-write", encoding, atMs, agent } as const;
  const decoded = decodeBody(deps, head, body);
  if (!decoded.ok) return decoded;
  const kept = await keep(deps, decoded.value, body);
  if (!kept.ok) return kept;
  known.accepted = seq;
  deps.agents.set(agentId, known);
  return answer(false, rowsOf(decoded.value), complaintsOf(deps, decoded.value));
};

const takeForeign = async (
  deps: IntakeDeps,
  { source, format, encoding }: ForeignBody,
  body: Uint8Array,
): Promise<Result<Taken>> => {
  const decoded = decodeBody(deps, { source, format, encoding, atMs: deps.now() }, body);
  if (!decoded.ok) return decoded;
  const content = decoded.value;
  const taken = rowsOf(content);
  if (taken > 0) {
    const kept = await keep(deps, content, body);
    if (!kept.ok) return kept;
  }
  const rejected = format === "remote-write" ? leftOut(content) : content.rejected.count;
  return ok({ taken, rejected, complaints: complaintsOf(deps, content) });
};

/** To disk, and then to whoever waits for it. */
const keep = async (
  deps: IntakeDeps,
  decoded: Decoded,
  body: Uint8Array,
): Promise<Result<void>> => {
  const content = withRefused(decoded);
  try {
    const record = encodeHubRecord({ kind: "body", head: content.head, body });
    deps.taken(await append(deps, record), content);
    return ok(undefined);
  } catch (fault) {
    if (!(fault instanceof LogFault)) throw fault;
    const message = `the hub cannot keep more now: ${fault.message}`;
    return problem("unavailable", message, { retryAfterMs: FULL_RETRY_MS });
  }
};

const leftOut = (content: Decoded): number => {
  if (content.kind === "spans") return 0;
  const { refusedSamples, tooNew, tooOld, histograms } = content.samples;
  return refusedSamples + tooNew + tooOld + histograms;
};

const complaintsOf = (deps: IntakeDeps, content: Decoded): readonly string[] => {
  const { head, rejected } = content;
  const said = [...rejected.messages];
  if (content.kind === "spans") return said;
  const { tooNew, tooOld, histograms, refusedSamples, refusedMetric } = content.samples;
  // OTLP's decoder names the points it leaves out one by one.
  if (head.format === "remote-write") {
    const minutes = MAX_AHEAD_MS / 60_000;
    if (tooNew > 0)
      said.push(`${tooNew} samples over ${minutes} minutes ahead of this hub's clock`);
    if (tooOld > 0) said.push(`${tooOld} samples older than ${SAMPLE_RETENTION_DAYS} days`);
    if (histograms > 0) said.push(`${histograms} native histograms, which are not kept`);
  }
  if (refusedMetric !== undefined) {
    const limit = deps.cardinality.explain(head.source, refusedMetric);
    const spread = deps.spreadOf(refusedMetric);
    const labels = spread === "" ? "" : `; its labels by number of values: ${spread}`;
    said.push(`${refusedSamples} samples of series over a limit: ${limit}${labels}`);
  }
  return said;
};
