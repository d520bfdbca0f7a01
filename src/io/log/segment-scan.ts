/**
 * Walks the records of one segment, in order, and says what is not a record.
 *
 * Shape:  visits records from a position until the visitor stops it or `end` is reached; damage
 *         with a good record behind it is reported and stepped over, damage up to the end is the
 *         `tail`.
 * Errors: the disk's.
 */
import type { DiskFile } from "../disk/disk.ts";
import { parseRecord, peekRecord, RECORD_HEADER_BYTES, resync, type LogRecord } from "./frame.ts";

/** `index` is the one expected at `offset`. */
export type Position = { readonly offset: number; readonly index: number };
export type Damage = { readonly offset: number; readonly records: number };

export type Visitor = {
  /** False leaves the record unread and stops. */
  readonly record: (record: LogRecord, at: Position, after: Position) => boolean;
  readonly damage: (damage: Damage) => void;
};

export type ScanEnd = {
  readonly position: Position;
  readonly stopped: boolean;
  /** The bytes from `position` on, when they are no record. */
  readonly tail: Uint8Array | undefined;
};

const CHUNK_BYTES = 256 * 1024;

export const scanSegment = async (
  file: DiskFile,
  from: Position,
  end: number,
  visitor: Visitor,
): Promise<ScanEnd> => {
  let { offset, index } = from;
  let chunk: Uint8Array = new Uint8Array(0);
  let chunkAt = offset;
  const load = async (length: number): Promise<void> => {
    chunk = await file.read(offset, Math.min(length, end - offset));
    chunkAt = offset;
  };
  while (offset < end) {
    const record = parseRecord(chunk, offset - chunkAt);
    if (record !== undefined && record.index >= index) {
      const after = {
        offset: offset + RECORD_HEADER_BYTES + record.body.length,
        index: record.index + 1,
      };
      if (record.index > index) visitor.damage({ offset, records: record.index - index });
      const at = { offset, index: record.index };
      if (!visitor.record(record, at, after))
        return { position: at, stopped: true, tail: undefined };
      ({ offset, index } = after);
      continue;
    }
    const head = peekRecord(chunk, offset - chunkAt);
    const need = RECORD_HEADER_BYTES + (head?.length ?? 0);
    const have = chunkAt + chunk.length - offset;
    if (have < Math.min(need, end - offset)) {
      await load(Math.max(need, CHUNK_BYTES));
      if (chunk.length <= have) break;
      continue;
    }
    await load(end - offset);
    const good = resync(chunk, 0, index);
    if (good === undefined) return { position: { offset, index }, stopped: false, tail: chunk };
    const found = peekRecord(chunk, good)!.index;
    visitor.damage({ offset, records: found - index });
    offset += good;
    index = found;
  }
  const tail = offset < end ? chunk.subarray(offset - chunkAt) : undefined;
  return { position: { offset, index }, stopped: false, tail };
};
