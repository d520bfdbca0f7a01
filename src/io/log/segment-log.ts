/**
 * An append-only log of records in segment files: what was acknowledged is on disk.
 *
 * Shape:  `append` resolves once the record is fsynced; concurrent appends share one fsync.
 *         Indexes count 1, 2, 3… and are never used twice, also after a trim, a crash or damage;
 *         a gap appears only where records were damaged, and is counted in `stats`.
 * Units:  bytes. A body must not change until its append settles.
 * Errors: LogFault: "full" (quota, disk; recovers by itself), "too_large", "closed", "locked"
 *         (another process has the directory), "io" (the disk failed: closed for writing,
 *         readable).
 * Source: the file format is in frame.ts.
 */
import { nodeDisk } from "../disk/adapters/node-disk.ts";
import { DirectoryBusy, type Disk } from "../disk/disk.ts";
import { RECORD_HEADER_BYTES, type LogRecord } from "./frame.ts";
import { recoverLog } from "./segment-open.ts";
import { readLog, type ReadLimit } from "./segment-read.ts";
import { LogFault, totalBytes, type LogState, type LogStats } from "./segment-state.ts";
import { commitGroup, trimLog } from "./segment-write.ts";

export { LogFault, type LogRecord, type LogStats, type ReadLimit };

export type SegmentLog = {
  /** Resolves with the record's index once it is fsynced. */
  readonly append: (body: Uint8Array) => Promise<number>;
  /** Durable records with index >= from, in order; at least one if there is any. */
  readonly read: (from: number, limit: ReadLimit) => Promise<readonly LogRecord[]>;
  /** Deletes whole segments whose every record has index <= through. */
  readonly trim: (through: number) => Promise<void>;
  /** The lowest index that may still be there; equals `next()` when the log is empty. */
  readonly first: () => number;
  readonly next: () => number;
  readonly bytes: () => number;
  readonly stats: () => LogStats;
  /** Settles what was appended, then closes; a second close does nothing. */
  readonly close: () => Promise<void>;
};

export type SegmentLogOptions = {
  readonly dir: string;
  readonly maxSegmentBytes?: number;
  readonly maxBytes?: number;
  readonly maxRecordBytes?: number;
  readonly disk?: Disk;
  /** "none" acknowledges before the disk has it: only for the controls of tests. */
  readonly durability?: "fsync" | "none";
};

const MIB = 1024 * 1024;
const DEFAULT_SEGMENT_BYTES = 16 * MIB;
const DEFAULT_LOG_BYTES = 1024 * MIB;
const DEFAULT_RECORD_BYTES = 16 * MIB;
/** One write and one fsync; also bounds the copy that is made of the bodies. */
const MAX_GROUP_BYTES = 4 * MIB;
/** Waiting for the disk; beyond it appends are refused rather than piled up in memory. */
const MAX_QUEUED_BYTES = 64 * MIB;

type Waiting = {
  readonly body: Uint8Array;
  readonly resolve: (index: number) => void;
  readonly reject: (fault: unknown) => void;
};

/** Runs one piece of work at a time, in order. */
const inTurn = () => {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

const costOf = (body: Uint8Array): number => RECORD_HEADER_BYTES + body.length;

/** Takes the longest prefix of the queue that fits one group; at least one. */
const takeGroup = (queue: Waiting[]): Waiting[] => {
  let bytes = 0;
  let count = 0;
  for (const { body } of queue) {
    bytes += costOf(body);
    if (count > 0 && bytes > MAX_GROUP_BYTES) break;
    count += 1;
  }
  return queue.splice(0, count);
};

const settle = async (state: LogState, group: readonly Waiting[]): Promise<void> => {
  try {
    const first = await commitGroup(
      state,
      group.map(({ body }) => body),
    );
    group.forEach(({ resolve }, nth) => resolve(first + nth));
  } catch (fault) {
    for (const { reject } of group) reject(fault);
  }
};

const refusal = (state: LogState, body: Uint8Array, queuedBytes: number): LogFault | undefined => {
  const { dir, maxRecordBytes, maxBytes } = state.settings;
  if (state.fault !== undefined) return state.fault;
  if (body.length > maxRecordBytes) {
    const size = `a record of ${body.length} bytes`;
    return new LogFault("too_large", `${dir}: ${size} is over ${maxRecordBytes} bytes`);
  }
  if (totalBytes(state) + queuedBytes + costOf(body) > maxBytes) {
    return new LogFault("full", `${dir}: the quota of ${maxBytes} bytes is used up`);
  }
  if (queuedBytes > 0 && queuedBytes + costOf(body) > MAX_QUEUED_BYTES) {
    return new LogFault("full", `${dir}: ${queuedBytes} bytes already wait for the disk`);
  }
  return undefined;
};

const logOver = (state: LogState, release: () => Promise<void>): SegmentLog => {
  const queue: Waiting[] = [];
  const exclusively = inTurn();
  let queuedBytes = 0;
  let flushing: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      await exclusively(async () => {
        const group = takeGroup(queue);
        await settle(state, group);
        queuedBytes -= group.reduce((sum, { body }) => sum + costOf(body), 0);
      });
    }
    flushing = undefined;
  };
  const closed = () => new LogFault("closed", `${state.settings.dir}: the log is closed`);

  return {
    append: (body) => {
      const refused = closing === undefined ? refusal(state, body, queuedBytes) : closed();
      if (refused !== undefined) return Promise.reject(refused);
      queuedBytes += costOf(body);
      return new Promise((resolve, reject) => {
        queue.push({ body, resolve, reject });
        flushing ??= Promise.resolve().then(flush);
      });
    },
    read: async (from, limit) => {
      if (closing !== undefined) throw closed();
      return readLog(state, from, limit);
    },
    trim: async (through) => {
      if (closing !== undefined) throw closed();
      await exclusively(() => trimLog(state, through));
    },
    first: () => state.segments[0]!.first,
    next: () => state.next,
    bytes: () => totalBytes(state),
    stats: () => ({ ...state.counters, writable: state.fault === undefined }),
    close: () => {
      closing ??= (async () => {
        await flushing;
        await exclusively(() => state.active.close());
        await release();
      })();
      return closing;
    },
  };
};

export const openSegmentLog = async (options: SegmentLogOptions): Promise<SegmentLog> => {
  const settings = {
    dir: options.dir,
    disk: options.disk ?? nodeDisk,
    maxSegmentBytes: options.maxSegmentBytes ?? DEFAULT_SEGMENT_BYTES,
    maxBytes: options.maxBytes ?? DEFAULT_LOG_BYTES,
    maxRecordBytes: options.maxRecordBytes ?? DEFAULT_RECORD_BYTES,
    durability: options.durability ?? "fsync",
  };
  await settings.disk.makeDir(settings.dir);
  let release: () => Promise<void>;
  try {
    release = await settings.disk.lock(settings.dir);
  } catch (fault) {
    if (fault instanceof DirectoryBusy) throw new LogFault("locked", fault.message, fault);
    throw fault;
  }
  try {
    return logOver(await recoverLog(settings), release);
  } catch (fault) {
    await release();
    throw fault;
  }
};
