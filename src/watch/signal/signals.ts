/**
 * The telemetry engine as the hub's main thread sees it; the worker behind it owns the memory.
 *
 * Units:  instants in ms since the epoch, bytes.
 * Errors: Problems; `unavailable` while the window is being refilled or the log is full.
 */
import type { Result } from "../../kernel/result.ts";
import type { BodyEncoding, BodyFormat } from "../intake/body.ts";
import type { PrometheusReply } from "./prometheus/answer.ts";
import type { Ask } from "./prometheus/parameters.ts";
import type { Value } from "./promql/evaluate.ts";

export type Answer = {
  readonly value: Value;
  /** Newest sample the query read, whatever its value became. */
  readonly newestMs: number | null;
};

export type BatchSource = {
  readonly agentId: string;
  readonly seq: number;
  /** The number the agent sent before this one; a hub that has less is missing something. */
  readonly previous?: number | undefined;
};

export type Ingested = {
  readonly accepted: number;
  readonly stored: number;
  readonly duplicate: boolean;
  readonly samples: number;
  /** What was left out of it, and why; empty when nothing was. */
  readonly complaints: readonly string[];
};

/** A body of somebody who is no agent of ours. */
export type ForeignBody = {
  /** Whose series these are: the token's name. */
  readonly source: string;
  readonly format: BodyFormat;
  readonly encoding: BodyEncoding;
};

export type Taken = {
  readonly taken: number;
  /** Samples, data points or spans that were left out. */
  readonly rejected: number;
  readonly complaints: readonly string[];
};

export type KpiReadingRow = {
  readonly kpi: string;
  readonly atMs: number;
  readonly value: number | null;
  readonly verdict: "pass" | "fail" | "unknown";
  readonly reason: string;
  readonly n: number;
  readonly freshnessMs: number | null;
  readonly formulaVersion: number;
  readonly planVersion: number;
};

export type SignalStatus = {
  readonly series: number;
  readonly samples: number;
  readonly windowBytes: number;
  readonly logBytes: number;
  readonly logRecordsPending: number;
  readonly refilled: boolean;
  readonly lastSampleMs: number | null;
  readonly storeFault: string | null;
};

export type RangeQuestion = {
  readonly expr: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
};

export type Signals = {
  readonly ingest: (
    source: BatchSource,
    encoding: "zstd" | "identity",
    body: Uint8Array,
  ) => Promise<Result<Ingested>>;
  /** Durable when it answers; what is left out for good is said, never sent again. */
  readonly take: (head: ForeignBody, body: Uint8Array) => Promise<Result<Taken>>;
  readonly agentState: (
    agentId: string,
  ) => Promise<{ readonly accepted: number; readonly stored: number }>;
  readonly queryMany: (
    questions: readonly { readonly expr: string; readonly timeMs: number }[],
  ) => Promise<readonly Result<Answer>[]>;
  /** A signal that aborts ends the evaluation soon: nobody waits for the answer any more. */
  readonly queryInstant: (
    question: { readonly expr: string; readonly timeMs: number },
    signal?: AbortSignal,
  ) => Promise<Result<Answer>>;
  readonly queryRange: (question: RangeQuestion, signal?: AbortSignal) => Promise<Result<Answer>>;
  /** One request of Prometheus' HTTP API, answered in its own bytes, faults too. */
  readonly prometheus: (ask: Ask, signal: AbortSignal) => Promise<PrometheusReply>;
  readonly appendReadings: (readings: readonly KpiReadingRow[]) => Promise<void>;
  readonly readings: (ask: {
    readonly kpi: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  }) => Promise<readonly KpiReadingRow[]>;
  readonly status: () => Promise<SignalStatus>;
  /** Called after each batch is in the window; answers how to stop listening. */
  readonly onAdvance: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
};
