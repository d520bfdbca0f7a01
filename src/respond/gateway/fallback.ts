/**
 * What is answered when the service is not: another region, the last good answer, or fixed words.
 *
 * Shape:  `fallbackSteps` is what to try, mildest first. Last good answers are kept by path for
 *         everybody alike: only answers to GET, of 200, that do not say they are private, from a
 *         route that allows it. Bounded by entries and bytes; the longest unused goes first.
 * Units:  ms; bytes.
 */
import { newLru } from "./lru.ts";

export type FallbackMode = "auto" | "backup" | "last_good" | "static" | "off";
export type FallbackStep = "backup" | "last_good" | "static";

/** In place of the service, and after it failed. */
export const fallbackSteps = (mode: FallbackMode): readonly FallbackStep[] => {
  switch (mode) {
    case "off":
      return [];
    case "auto":
    case "backup":
      return ["backup", "last_good", "static"];
    case "last_good":
      return ["last_good", "static"];
    case "static":
      return ["static"];
  }
};

export const MAX_KEPT = 2_000;
export const MAX_KEPT_BYTES = 32 * 1024 * 1024;
export const MAX_ANSWER_BYTES = 256 * 1024;

export type Kept = {
  readonly atMs: number;
  /** Names and values in turn, as they came, without what belongs to one connection. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
};

export type LastGood = {
  readonly keep: (key: string, answer: Kept) => void;
  readonly find: (key: string, maxAgeMs: number, nowMs: number) => Kept | undefined;
  readonly bytes: () => number;
};

export const newLastGood = (maxBytes: number = MAX_KEPT_BYTES): LastGood => {
  let bytes = 0;
  const kept = newLru<string, Kept>(MAX_KEPT, ({ body }) => {
    bytes -= body.length;
  });
  const drop = (key: string, { body }: Kept): void => {
    bytes -= body.length;
    kept.delete(key);
  };
  return {
    bytes: () => bytes,
    keep: (key, answer) => {
      if (answer.body.length > MAX_ANSWER_BYTES) return;
      const before = kept.get(key);
      if (before !== undefined) drop(key, before);
      bytes += answer.body.length;
      kept.set(key, answer);
      for (const [oldest, gone] of kept.entries()) {
        if (bytes <= maxBytes) return;
        drop(oldest, gone);
      }
    },
    find: (key, maxAgeMs, nowMs) => {
      const found = kept.get(key);
      return found === undefined || nowMs - found.atMs > maxAgeMs ? undefined : found;
    },
  };
};

/** Whether an answer may be kept for others: it says nothing of one user. */
export const mayKeep = (status: number, headers: readonly string[]): boolean => {
  if (status !== 200) return false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (name === "set-cookie" || name === "content-encoding") return false;
    if (name === "vary" && /\*|cookie|authorization|x-user|x-tier/i.test(headers[at + 1]!))
      return false;
    if (name === "cache-control" && /no-store|private/i.test(headers[at + 1]!)) return false;
  }
  return true;
};
