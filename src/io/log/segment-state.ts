/**
 * What an open log knows: its segments, its durable end, and what it found broken.
 *
 * Units: bytes; indexes count from 1. `size` of a segment is its durable length.
 */
import type { Disk, DiskFile } from "../disk/disk.ts";
import type { Damage, Position } from "./segment-scan.ts";

export class LogFault extends Error {
  override readonly name = "LogFault";
  readonly reason: "full" | "io" | "too_large" | "closed" | "locked";
  constructor(reason: LogFault["reason"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

export type LogStats = {
  /** Records that were lost to damage on disk and could be told apart from a torn write. */
  readonly damagedRecords: number;
  readonly damagedHeaders: number;
  /** Cut off the end at open: a write that never finished, or damage in the last records. */
  readonly tornBytes: number;
  /** Indexes given up at open because a record that was cut off may have been acknowledged. */
  readonly skippedIndexes: number;
  readonly syncs: number;
  readonly writable: boolean;
};

export type LogSettings = {
  readonly dir: string;
  readonly disk: Disk;
  readonly maxSegmentBytes: number;
  readonly maxBytes: number;
  readonly maxRecordBytes: number;
  readonly durability: "fsync" | "none";
};

export type Segment = {
  readonly first: number;
  readonly previousNext: number;
  readonly path: string;
  size: number;
  /** Sparse entry points for readers, ascending. */
  readonly marks: Position[];
};

export type LogState = {
  readonly settings: LogSettings;
  /** Never empty; the last one is written. */
  readonly segments: Segment[];
  active: DiskFile;
  /** The next index, and so one past the last durable record. */
  next: number;
  /** The active file's fsync failed for want of space: its unsynced end cannot be trusted. */
  mustRotate: boolean;
  fault: LogFault | undefined;
  readonly counters: { -readonly [name in keyof Omit<LogStats, "writable">]: number };
  readonly knownDamage: Set<string>;
  /** What a group of records is laid out in, so that not every group asks for memory. */
  readonly scratch: Uint8Array;
};

export const SCRATCH_BYTES = 1024 * 1024;

const MARK_EVERY_BYTES = 256 * 1024;
/** Past this many places the counter may count one twice; the report is what matters. */
const MAX_KNOWN_DAMAGE = 10_000;

export const activeSegment = (state: LogState): Segment => state.segments.at(-1)!;

export const totalBytes = (state: LogState): number =>
  state.segments.reduce((sum, segment) => sum + segment.size, 0);

export const addMark = (segment: Segment, at: Position): void => {
  const last = segment.marks.at(-1)!;
  if (at.offset >= last.offset + MARK_EVERY_BYTES) segment.marks.push(at);
};

/** Counts a damaged place once, however often it is read. */
export const noteDamage = (state: LogState, segment: Segment, damage: Damage): void => {
  const place = `${segment.first}:${damage.offset}`;
  if (damage.records === 0 || state.knownDamage.has(place)) return;
  if (state.knownDamage.size < MAX_KNOWN_DAMAGE) state.knownDamage.add(place);
  state.counters.damagedRecords += damage.records;
};
