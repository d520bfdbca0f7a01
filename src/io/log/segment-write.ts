/**
 * Writes groups of records, begins new segments, deletes old ones.
 *
 * Out of space → the group is rolled back and the log goes on. A failed fsync says nothing about
 * what is on disk, and asking again would lie: the end is cut off and the log closed for writing.
 */
import { encodeRecords } from "./frame.ts";
import { createSegment, isSpaceFault } from "./segment-open.ts";
import { activeSegment, addMark, LogFault, type LogState } from "./segment-state.ts";

/** Closes the log for writing, once; readers go on with what is durable. */
const poison = async (state: LogState, doing: string, cause: unknown): Promise<LogFault> => {
  const why = cause instanceof Error ? cause.message : String(cause);
  state.fault ??= new LogFault("io", `${state.settings.dir}: ${doing} failed: ${why}`, cause);
  // What is cached but perhaps not on disk must not be found, and believed, by the next open.
  await state.active.truncate(activeSegment(state).size).catch(() => undefined);
  return state.fault;
};

const full = (state: LogState, doing: string, cause: unknown): LogFault =>
  new LogFault("full", `${state.settings.dir}: no space left while ${doing}`, cause);

const rotate = async (state: LogState): Promise<void> => {
  const header = { first: state.next, previousNext: state.next };
  let fresh: Awaited<ReturnType<typeof createSegment>>;
  try {
    fresh = await createSegment(state.settings, header);
  } catch (fault) {
    if (isSpaceFault(fault)) throw full(state, "beginning a segment", fault);
    throw await poison(state, "beginning a segment", fault);
  }
  const sealed = state.active;
  state.segments.push(fresh.segment);
  state.active = fresh.file;
  state.mustRotate = false;
  await sealed.close();
};

const writeGroup = async (state: LogState, bytes: Uint8Array): Promise<void> => {
  const segment = activeSegment(state);
  try {
    await state.active.write(segment.size, bytes);
  } catch (fault) {
    if (!isSpaceFault(fault)) throw await poison(state, "writing", fault);
    try {
      await state.active.truncate(segment.size);
    } catch (second) {
      throw await poison(state, "rolling back", second);
    }
    throw full(state, "writing", fault);
  }
  if (state.settings.durability === "none") return;
  try {
    state.counters.syncs += 1;
    await state.active.sync();
  } catch (fault) {
    if (!isSpaceFault(fault)) throw await poison(state, "syncing", fault);
    state.mustRotate = true;
    await state.active.truncate(segment.size).catch((second) => poison(state, "cutting", second));
    throw full(state, "syncing", fault);
  }
};

/** Makes the bodies durable as one group; resolves with the first one's index. */
export const commitGroup = async (
  state: LogState,
  bodies: readonly Uint8Array[],
): Promise<number> => {
  if (state.fault !== undefined) throw state.fault;
  const first = state.next;
  const bytes = encodeRecords(state.scratch, first, bodies);
  const before = activeSegment(state);
  const isEmpty = state.next === before.first;
  const isOver = before.size + bytes.length > state.settings.maxSegmentBytes;
  // An empty segment has the name its successor would need, so it is written even if too small.
  if ((isOver || state.mustRotate) && !isEmpty) await rotate(state);
  await writeGroup(state, bytes);
  const segment = activeSegment(state);
  addMark(segment, { offset: segment.size, index: first });
  segment.size += bytes.length;
  state.next = first + bodies.length;
  return first;
};

/** A quarter: rotating early costs fsyncs, rotating late keeps acknowledged bytes in the quota. */
const ROTATE_TRIMMED_SHARE = 0.25;

/** Deletes, oldest first, segments that hold nothing above `through`. */
export const trimLog = async (state: LogState, through: number): Promise<void> => {
  const { settings, segments } = state;
  const worth = activeSegment(state).size >= settings.maxSegmentBytes * ROTATE_TRIMMED_SHARE;
  if (state.next - 1 <= through && worth && state.fault === undefined) {
    try {
      await rotate(state);
    } catch (fault) {
      if (!(fault instanceof LogFault) || fault.reason !== "full") throw fault;
    }
  }
  while (segments.length > 1 && segments[1]!.previousNext - 1 <= through) {
    // The name goes from the list first, so that a reader who misses the file knows why.
    const [oldest] = segments.splice(0, 1);
    await settings.disk.remove(oldest!.path);
    if (settings.durability === "fsync") await settings.disk.syncDir(settings.dir);
  }
};
