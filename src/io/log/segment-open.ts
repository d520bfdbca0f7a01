/**
 * Finds a log's segments on disk, or makes the first one, and cuts a torn end off the last.
 *
 * A new segment is written under another name, synced, and renamed: a `.seg` file always has a
 * whole header, or it is damaged. Its base index stands in the name and in the header, so an index
 * is not used twice even when everything before it was trimmed.
 *
 * Errors: the disk's.
 */
import { join } from "node:path";
import { faultCode, type DiskFile } from "../disk/disk.ts";
import {
  encodeSegmentHeader,
  parseSegmentHeader,
  parseSegmentName,
  peekRecord,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentName,
  type SegmentHeader,
} from "./frame.ts";
import { scanSegment } from "./segment-scan.ts";
import {
  activeSegment,
  addMark,
  noteDamage,
  type LogSettings,
  type LogState,
  type Segment,
  SCRATCH_BYTES,
} from "./segment-state.ts";

const DRAFT_SUFFIX = ".tmp";

const segmentAt = (settings: LogSettings, header: SegmentHeader, size: number): Segment => ({
  first: header.first,
  previousNext: header.previousNext,
  path: join(settings.dir, segmentName(header.first)),
  size,
  marks: [{ offset: SEGMENT_HEADER_BYTES, index: header.first }],
});

export const createSegment = async (
  settings: LogSettings,
  header: SegmentHeader,
): Promise<{ segment: Segment; file: DiskFile }> => {
  const { disk, dir } = settings;
  const segment = segmentAt(settings, header, SEGMENT_HEADER_BYTES);
  const draft = segment.path + DRAFT_SUFFIX;
  let file: DiskFile | undefined;
  try {
    file = await disk.open(draft, "create");
    await file.write(0, encodeSegmentHeader(header));
    if (settings.durability === "fsync") await file.sync();
    await disk.rename(draft, segment.path);
  } catch (fault) {
    await file?.close();
    await disk.remove(draft).catch(() => undefined);
    throw fault;
  }
  if (settings.durability === "fsync") await disk.syncDir(dir);
  return { segment, file };
};

const emptyState = (
  settings: LogSettings,
  segments: Segment[],
  active: DiskFile,
  next: number,
): LogState => ({
  settings,
  segments,
  active,
  next,
  mustRotate: false,
  scratch: new Uint8Array(SCRATCH_BYTES),
  fault: undefined,
  counters: { damagedRecords: 0, damagedHeaders: 0, tornBytes: 0, skippedIndexes: 0, syncs: 0 },
  knownDamage: new Set(),
});

const loadSegment = async (
  settings: LogSettings,
  first: number,
): Promise<{ segment: Segment; damaged: boolean }> => {
  const file = await settings.disk.open(join(settings.dir, segmentName(first)), "read");
  try {
    const size = await file.size();
    const header = parseSegmentHeader(await file.read(0, SEGMENT_HEADER_BYTES));
    const damaged = header?.first !== first;
    const previousNext = damaged ? first : header.previousNext;
    return { segment: segmentAt(settings, { first, previousNext }, size), damaged };
  } finally {
    await file.close();
  }
};

/**
 * How many indexes a cut-off end may have used up. A record that is merely short was never
 * acknowledged; anything else may be an acknowledged record that rotted, whose index must not
 * come back with other content.
 */
const indexesIn = (tail: Uint8Array, expected: number): number => {
  const head = peekRecord(tail, 0);
  if (head === undefined || tail.every((byte) => byte === 0)) return 0;
  const isShort = head.index === expected && RECORD_HEADER_BYTES + head.length > tail.length;
  return isShort ? 0 : Math.floor(tail.length / RECORD_HEADER_BYTES);
};

/** Scans the last segment to its durable end. */
const recoverEnd = async (state: LogState): Promise<void> => {
  const segment = activeSegment(state);
  const { settings, active, counters } = state;
  if (segment.size < SEGMENT_HEADER_BYTES) {
    const { first, previousNext } = segment;
    await active.write(0, encodeSegmentHeader({ first, previousNext }));
    segment.size = SEGMENT_HEADER_BYTES;
  }
  const end = await scanSegment(active, segment.marks[0]!, segment.size, {
    record: (_record, at) => {
      addMark(segment, at);
      return true;
    },
    damage: (damage) => noteDamage(state, segment, damage),
  });
  state.next = end.position.index;
  let given = 0;
  if (end.tail !== undefined) {
    given = indexesIn(end.tail, state.next);
    counters.tornBytes += segment.size - end.position.offset;
    await active.truncate(end.position.offset);
    segment.size = end.position.offset;
  }
  // A killed process may have written what it never synced: what is readable now must also last.
  if (settings.durability === "fsync") await active.sync();
  if (given > 0) {
    counters.skippedIndexes += given;
    const header = { first: state.next + given, previousNext: state.next };
    const fresh = await createSegment(settings, header);
    await active.close();
    state.segments.push(fresh.segment);
    state.active = fresh.file;
    state.next = header.first;
  }
};

const removeDrafts = async (settings: LogSettings, names: readonly string[]): Promise<void> => {
  for (const name of names) {
    if (name.endsWith(DRAFT_SUFFIX)) await settings.disk.remove(join(settings.dir, name));
  }
};

export const recoverLog = async (settings: LogSettings): Promise<LogState> => {
  const names = await settings.disk.list(settings.dir);
  await removeDrafts(settings, names);
  const firsts = names
    .map(parseSegmentName)
    .filter((first) => first !== undefined)
    .sort((a, b) => a - b);
  if (firsts.length === 0) {
    const { segment, file } = await createSegment(settings, { first: 1, previousNext: 1 });
    return emptyState(settings, [segment], file, 1);
  }
  const loaded = await Promise.all(firsts.map((first) => loadSegment(settings, first)));
  const segments = loaded.map(({ segment }) => segment);
  const active = await settings.disk.open(segments.at(-1)!.path, "write");
  const state = emptyState(settings, segments, active, 1);
  state.counters.damagedHeaders = loaded.filter(({ damaged }) => damaged).length;
  try {
    await recoverEnd(state);
    if (settings.durability === "fsync") await settings.disk.syncDir(settings.dir);
  } catch (fault) {
    await active.close().catch(() => undefined);
    throw fault;
  }
  return state;
};

/** Space ran out: the disk's or the user's. */
export const isSpaceFault = (fault: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes(faultCode(fault));
