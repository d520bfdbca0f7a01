/**
 * Reads durable records by index, across segments.
 *
 * Damage is stepped over only after it was counted; what a segment should have held is known from
 * where the next one begins. A segment trimmed under a reader's feet is no damage.
 */
import { faultCode } from "../disk/disk.ts";
import { RECORD_HEADER_BYTES, type LogRecord } from "./frame.ts";
import { scanSegment } from "./segment-scan.ts";
import { addMark, noteDamage, type LogState, type Segment } from "./segment-state.ts";

export type ReadLimit = { readonly maxRecords: number; readonly maxBytes: number };

type Taken = { readonly records: LogRecord[]; bytes: number };

/** True when the reader wants more. */
const readSegment = async (
  state: LogState,
  segment: Segment,
  range: { readonly from: number; readonly until: number; readonly size: number },
  limit: ReadLimit,
  taken: Taken,
): Promise<boolean> => {
  const file = await state.settings.disk.open(segment.path, "read");
  try {
    const start = segment.marks.findLast((mark) => mark.index <= range.from) ?? segment.marks[0]!;
    const end = await scanSegment(file, start, range.size, {
      record: (record, at) => {
        if (record.index >= range.until) return false;
        addMark(segment, at);
        if (record.index < range.from) return true;
        const cost = RECORD_HEADER_BYTES + record.body.length;
        const full =
          taken.records.length >= limit.maxRecords || taken.bytes + cost > limit.maxBytes;
        if (full && taken.records.length > 0) return false;
        taken.records.push(record);
        taken.bytes += cost;
        return true;
      },
      damage: (damage) => noteDamage(state, segment, damage),
    });
    const { index, offset } = end.position;
    if (end.stopped) return index >= range.until;
    noteDamage(state, segment, { offset, records: Math.max(0, range.until - index) });
    return true;
  } finally {
    await file.close();
  }
};

export const readLog = async (
  state: LogState,
  from: number,
  limit: ReadLimit,
): Promise<readonly LogRecord[]> => {
  const taken: Taken = { records: [], bytes: 0 };
  const { next } = state;
  const plan = state.segments.map((segment, nth) => ({
    segment,
    from,
    // What the segment may hold ends where the following one took over.
    until: state.segments[nth + 1]?.previousNext ?? next,
    size: segment.size,
  }));
  for (const { segment, ...range } of plan) {
    if (range.until <= from) continue;
    try {
      if (!(await readSegment(state, segment, range, limit, taken))) break;
    } catch (fault) {
      if (faultCode(fault) !== "ENOENT" || state.segments.includes(segment)) throw fault;
    }
  }
  return taken.records;
};
