/**
 * From the body log to ClickHouse, in fixed ranges of the log, each exactly once.
 *
 * Shape:  open the batch in PostgreSQL → insert its rows → mark it stored → trim the log. What a
 *         crash leaves open is decided by counting the rows that carry the batch's number: all are
 *         there (done), or not (the same rows again under the same token, which ClickHouse takes
 *         once); if that does not help they are removed and sent under a new token.
 * Units:  rows, ms.
 * Errors: none reach the caller: what fails is said in `fault()`, and tried again for ever, while
 *         the log keeps everything.
 */
import type { SegmentLog } from "../../../io/log/segment-log.ts";
import { decodeContent, type DecodeDeps } from "./decode-record.ts";
import { batchOf, rowsOf, type Batch, type Content, type Part } from "./parts.ts";

export type OpenBatch = {
  readonly batch: number;
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  readonly readings: number;
  readonly spans: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly attempt: number;
};

/** What of this log is stored; every function is one transaction. */
export type BatchBook = {
  /** Everything up to here is stored. */
  readonly watermark: () => Promise<number>;
  /** Per agent, the highest sequence number that is stored. */
  readonly agents: () => Promise<ReadonlyMap<string, number>>;
  readonly open: () => Promise<OpenBatch | undefined>;
  readonly begin: (
    range: { readonly from: number; readonly to: number },
    content: Batch,
  ) => Promise<OpenBatch>;
  readonly countAttempt: (batch: number) => Promise<number>;
  readonly finish: (batch: number, content: Pick<Batch, "agents" | "hours">) => Promise<void>;
};

/** Where rows go; each carries its batch's number. */
export type BatchSink = {
  /** A repeat of the same attempt adds nothing that is there already. */
  readonly insert: (open: OpenBatch, contents: readonly Content[]) => Promise<void>;
  readonly count: (open: OpenBatch) => Promise<Pick<OpenBatch, "samples" | "readings" | "spans">>;
  readonly remove: (batch: number) => Promise<void>;
};

export type FlushDeps = DecodeDeps & {
  readonly book: BatchBook;
  readonly sink: BatchSink;
  readonly log: Pick<SegmentLog, "read" | "trim">;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Called before a new batch is begun. */
  readonly prepare: () => Promise<void>;
  /** Whether the log may forget the spans of this record. */
  readonly mayForget: (index: number) => boolean;
  /** A batch is in the store. */
  readonly stored: (batch: Batch) => void;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export type Flusher = {
  readonly add: (index: number, content: Content) => void;
  /** Readings that are not known to be in ClickHouse. */
  readonly waiting: () => Iterable<Content>;
  readonly pendingRecords: () => number;
  readonly fault: () => string | null;
  readonly run: (signal: AbortSignal) => Promise<void>;
};

const FLUSH_ROWS = 250_000;
const FLUSH_MS = 5_000;
const MAX_BATCH_ROWS = 400_000;
const MAX_BATCH_RECORDS = 10_000;
/** Decoded rows kept while they wait; what comes after is decoded again from the log. */
const MAX_DECODED_ROWS = 800_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** A range that PostgreSQL knows and this process has not read yet. */
const READ_LIMIT = { maxRecords: 256, maxBytes: 8 * 1024 * 1024 };

export const openFlusher = (deps: FlushDeps): Flusher => {
  const queue = newQueue();
  let fault: string | null = null;
  let wake: () => void = () => undefined;

  const add = (index: number, content: Content): void => {
    queue.add(index, content);
    if (queue.rows() >= FLUSH_ROWS) wake();
  };

  const flushOnce = async (): Promise<void> => {
    const { book, sink } = deps;
    const open = await book.open();
    if (open === undefined) await deps.prepare();
    const taken =
      open === undefined
        ? queue.next(deps.mayForget)
        : queue.parts.filter(({ index }) => index <= open.to);
    const last = open?.to ?? taken.at(-1)?.index;
    if (last === undefined) return;
    const contents = await contentsOf(deps, taken);
    const batch = batchOf(contents);
    if (open === undefined) {
      const begun = await book.begin({ from: taken[0]!.index, to: last }, batch);
      await sink.insert(begun, contents);
      await book.finish(begun.batch, batch);
    } else {
      await settle(deps, open, contents);
      await book.finish(open.batch, batch);
    }
    queue.drop(last);
    deps.stored(batch);
    await deps.log.trim(last);
  };

  const wait = async (delayMs: number, signal: AbortSignal): Promise<void> => {
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const stop = new AbortController();
    await Promise.race([woken, deps.sleep(delayMs, AbortSignal.any([signal, stop.signal]))]);
    stop.abort();
    wake = () => undefined;
  };

  return {
    add,
    waiting: () => queue.parts.flatMap(({ content }) => content ?? []),
    pendingRecords: () => queue.parts.length,
    fault: () => fault,
    run: async (signal) => {
      let retryMs = FIRST_RETRY_MS;
      while (!signal.aborted) {
        try {
          await flushOnce();
          if (fault !== null) deps.say("the store takes batches again", {});
          fault = null;
          retryMs = FIRST_RETRY_MS;
          if (queue.rows() < FLUSH_ROWS) await wait(FLUSH_MS, signal);
        } catch (cause) {
          if (signal.aborted) return;
          if (fault === null) deps.say("a batch could not be stored yet", { fault: cause });
          fault = cause instanceof Error ? cause.message : String(cause);
          await deps.sleep(retryMs, signal);
          retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
        }
      }
    },
  };
};

/** Records that wait, in the order of the log; beyond a bound without their decoded content. */
const newQueue = () => {
  const parts: Part[] = [];
  let rows = 0;
  let decoded = 0;
  return {
    parts: parts as readonly Part[],
    rows: () => rows,
    add: (index: number, content: Content): void => {
      const count = rowsOf(content);
      const isKept = content.kind === "readings" || decoded + count <= MAX_DECODED_ROWS;
      if (isKept) decoded += count;
      const { kind } = content;
      parts.push({ index, rows: count, kind, content: isKept ? content : undefined });
      rows += count;
    },
    /** The longest run of records that makes one batch. */
    next: (mayForget: (index: number) => boolean): readonly Part[] => {
      let sum = 0;
      const taken: Part[] = [];
      for (const part of parts) {
        sum += part.rows;
        if (part.kind === "spans" && !mayForget(part.index)) break;
        if (taken.length > 0 && (sum > MAX_BATCH_ROWS || taken.length >= MAX_BATCH_RECORDS)) break;
        taken.push(part);
      }
      return taken;
    },
    drop: (through: number): void => {
      let gone = 0;
      while (gone < parts.length && parts[gone]!.index <= through) {
        const part = parts[gone]!;
        rows -= part.rows;
        if (part.content !== undefined) decoded -= part.rows;
        gone += 1;
      }
      parts.splice(0, gone);
    },
  };
};

/** Decoded content of each part, from memory or from the log. */
const contentsOf = async (deps: FlushDeps, parts: readonly Part[]): Promise<readonly Content[]> => {
  const missing = parts.filter(({ content }) => content === undefined);
  const found = new Map<number, Content>();
  let from = missing[0]?.index;
  const last = missing.at(-1)?.index ?? 0;
  while (from !== undefined && from <= last) {
    const records = await deps.log.read(from, READ_LIMIT);
    for (const { index, body } of records) {
      if (index <= last) found.set(index, decodeContent(deps, body));
    }
    const end = records.at(-1)?.index;
    from = end === undefined ? undefined : end + 1;
  }
  return parts.map(
    ({ index, content }) => content ?? found.get(index) ?? ({ kind: "damaged" } as const),
  );
};

/** Brings an open batch to the state where all its rows are there, once. */
const settle = async (
  { sink, book, say }: FlushDeps,
  open: OpenBatch,
  contents: readonly Content[],
): Promise<void> => {
  const isWhole = async (): Promise<boolean> => {
    const there = await sink.count(open);
    return isSame(there, open);
  };
  if (await isWhole()) return;
  const { samples, readings, spans } = batchOf(contents);
  if (isSame({ samples, readings, spans }, open)) {
    await sink.insert(open, contents);
    if (await isWhole()) return;
  }
  // The store has forgotten the token, or the log was damaged since: what is left of it goes in.
  say("a batch is stored anew", { batch: open.batch, samples, readings, spans });
  await sink.remove(open.batch);
  const attempt = await book.countAttempt(open.batch);
  await sink.insert({ ...open, samples, readings, spans, attempt }, contents);
};

type Counts = Pick<OpenBatch, "samples" | "readings" | "spans">;

const isSame = (a: Counts, b: Counts): boolean =>
  a.samples === b.samples && a.readings === b.readings && a.spans === b.spans;
