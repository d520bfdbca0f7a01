/**
 * PostgreSQL's batch book and ClickHouse's tables, as the pipeline meets them.
 *
 * Shape:  the book is atomic per call. An insert arrives in parts (series first, then samples, then
 *         readings, one part a day), and a process may end between them; a part whose token and
 *         content were seen lately is dropped. `window` is how many tokens are remembered.
 */
import type { BatchBook, BatchSink, OpenBatch } from "../src/watch/signal/log/flush.flow.ts";
import type { Content } from "../src/watch/signal/log/parts.ts";
import type { SimProcess } from "./process.ts";

export type StoredRow = { readonly batch: number; readonly key: string };

export type SimStore = {
  readonly rows: () => readonly StoredRow[];
  readonly bookFor: (process: SimProcess) => BatchBook;
  readonly sinkFor: (process: SimProcess) => BatchSink;
  /** What the agents may have been told is stored. */
  readonly storedSeqs: () => ReadonlyMap<string, number>;
};

const DAY_MS = 86_400_000;

/** Rows by the part of an insert they arrive in. */
const partsOf = (contents: readonly Content[]): ReadonlyMap<string, readonly string[]> => {
  const parts = new Map<string, string[]>();
  const put = (part: string, key: string): void => {
    const rows = parts.get(part);
    if (rows === undefined) parts.set(part, [key]);
    else rows.push(key);
  };
  for (const content of contents) {
    if (content.kind === "samples") {
      const { series, timesMs, count } = content.samples;
      for (let nth = 0; nth < count; nth += 1) {
        const day = Math.floor(timesMs[nth]! / DAY_MS);
        put(`samples-${day}`, `${series[nth]!.metric}@${timesMs[nth]}`);
      }
    } else if (content.kind === "spans") {
      for (const { spanId } of content.spans) put("spans", `span:${spanId}`);
    } else if (content.kind === "readings") {
      for (const { kpi, atMs } of content.readings) put("readings", `kpi:${kpi}@${atMs}`);
    }
  }
  return parts;
};

type Kind = "sample" | "reading" | "span";
const kindOf = (key: string): Kind =>
  key.startsWith("kpi:") ? "reading" : key.startsWith("span:") ? "span" : "sample";

export const simStore = (options: { readonly window: number }): SimStore => {
  let rows: StoredRow[] = [];
  const tokens: string[] = [];
  const agents = new Map<string, number>();
  let watermark = 0;
  let open: OpenBatch | undefined;
  let nextBatch = 1;

  const arrive = (batch: number, token: string, keys: readonly string[]): void => {
    if (tokens.includes(token)) return;
    tokens.push(token);
    if (tokens.length > options.window) tokens.shift();
    for (const key of keys) rows.push({ batch, key });
  };
  const count = (batch: number, kind: Kind): number =>
    rows.filter((row) => row.batch === batch && kindOf(row.key) === kind).length;

  return {
    rows: () => rows,
    storedSeqs: () => agents,
    bookFor: ({ step }) => ({
      watermark: () => step(() => watermark),
      agents: () => step(() => new Map(agents)),
      open: () => step(() => open),
      begin: ({ from, to }, content) =>
        step(() => {
          if (open !== undefined) throw new Error("two open batches");
          const { samples, readings, spans, fromMs, toMs } = content;
          const counts = { samples, readings, spans };
          open = { batch: nextBatch, from, to, ...counts, fromMs, toMs, attempt: 0 };
          nextBatch += 1;
          return open;
        }),
      countAttempt: () =>
        step(() => {
          open = { ...open!, attempt: open!.attempt + 1 };
          return open.attempt;
        }),
      finish: (batch, { agents: seqs }) =>
        step(() => {
          if (open?.batch !== batch) return;
          watermark = open.to;
          open = undefined;
          for (const [agent, seq] of seqs) {
            agents.set(agent, Math.max(seq, agents.get(agent) ?? 0));
          }
        }),
    }),
    sinkFor: ({ step }) => ({
      insert: async (batch, contents) => {
        for (const [part, keys] of partsOf(contents)) {
          const token = `${batch.batch}:${batch.attempt}:${part}`;
          await step(() => arrive(batch.batch, token, keys));
        }
      },
      count: ({ batch }) =>
        step(() => ({
          samples: count(batch, "sample"),
          readings: count(batch, "reading"),
          spans: count(batch, "span"),
        })),
      remove: (batch) => step(() => void (rows = rows.filter((row) => row.batch !== batch))),
    }),
  };
};
