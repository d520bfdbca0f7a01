/**
 * Answers that are still right: of the window alone, and no sample they could have read came since.
 *
 * Shape:  an answer is kept with the time up to which it read. A sample at or before that time,
 *         whatever its series, makes it go; so does want of room, the least recently used first.
 * Units:  ms, bytes.
 * Why:    ten people who look at one dashboard ask the same within a second, rarely at once. What
 *         lies in the past of the newest sample may still change, by a late sample; hence the time.
 */
import type { Value } from "../promql/evaluate.ts";
import type { Answer } from "../signals.ts";

export type AnswerCache = {
  readonly get: (key: string) => Answer | undefined;
  readonly put: (key: string, toMs: number, answer: Answer) => void;
  /** Samples came, the oldest of them at this time. */
  readonly touched: (oldestMs: number) => void;
};

type Kept = { readonly answer: Answer; readonly toMs: number; readonly bytes: number };

const MAX_BYTES = 32 * 1024 * 1024;
/** A larger answer would push too many others out. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_ANSWERS = 1_000;
const POINT_BYTES = 16;
/** Labels are shared with the window; this is the rest of a series. */
const SERIES_BYTES = 512;

export const newAnswerCache = (): AnswerCache => {
  const kept = new Map<string, Kept>();
  let bytes = 0;
  /** Nothing that is kept read further than this. */
  let furthestMs = -Infinity;
  const drop = (key: string): void => {
    bytes -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  };
  return {
    get: (key) => {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.answer;
    },
    put: (key, toMs, answer) => {
      const size = sizeOf(answer.value) + key.length * 2;
      if (size > MAX_ANSWER_BYTES) return;
      drop(key);
      kept.set(key, { answer, toMs, bytes: size });
      bytes += size;
      furthestMs = Math.max(furthestMs, toMs);
      for (const oldest of kept.keys()) {
        if (bytes <= MAX_BYTES && kept.size <= MAX_ANSWERS) break;
        drop(oldest);
      }
    },
    touched: (oldestMs) => {
      if (oldestMs > furthestMs) return;
      furthestMs = -Infinity;
      for (const [key, { toMs }] of [...kept]) {
        if (toMs >= oldestMs) drop(key);
        else furthestMs = Math.max(furthestMs, toMs);
      }
    },
  };
};

const sizeOf = (value: Value): number => {
  switch (value.type) {
    case "scalar":
    case "string":
      return SERIES_BYTES;
    case "vector":
      return value.samples.length * SERIES_BYTES;
    case "matrix":
      return value.series.reduce(
        (sum, { values }) => sum + SERIES_BYTES + values.length * POINT_BYTES,
        0,
      );
    default:
      return value satisfies never;
  }
};
