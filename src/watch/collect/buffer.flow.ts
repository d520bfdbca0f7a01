/**
 * Gathers samples into batches and makes them durable.
 *
 * Shape:  what arrives within a moment goes into one batch; a batch is a remote write request,
 *         compressed, and one record of the log.
 * Errors: none. What the buffer cannot take (full disk, full quota) is counted as dropped and said,
 *         and later batches are tried again; a broken disk is handed to `broken`. Metadata is not
 *         counted: its collector says it again.
 */
import { LogFault, type SegmentLog } from "../../io/log/segment-log.ts";
import type { Family } from "./family.ts";
import { encodeWriteRequest, type StampedSample } from "./remote-write.ts";

export type BufferDeps = {
  readonly log: Pick<SegmentLog, "append">;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly monotonic: () => number;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** After each durable batch. */
  readonly appended: (index: number, samples: number) => void;
  readonly dropped: (samples: number, why: string) => void;
  readonly broken: (fault: LogFault) => void;
};

/** Collectors tick together; what they answer within this time shares a batch and an fsync. */
const LINGER_MS = 20;
const MIN_GAP_MS = 100;
const MAX_BATCH_SAMPLES = 10_000;
/** As encoded, a quarter of what the hub takes; a single sample may be larger. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** At most 6 kB each, so that a batch stays far below what the hub takes. */
const MAX_BATCH_FAMILIES = 500;
const MAX_PENDING_FAMILIES = 20_000;
/** Waiting for a slow disk; about 20 MB of samples. */
const MAX_PENDING_SAMPLES = 200_000;

export type Batcher = {
  readonly add: (samples: readonly StampedSample[], families?: readonly Family[]) => void;
  /** Resolves once everything added so far is durable or counted as dropped. */
  readonly flush: () => Promise<void>;
};

/** How many of the first samples make a batch; at least one. */
const batchLength = (pending: readonly StampedSample[]): number => {
  let bytes = 0;
  const end = pending.slice(0, MAX_BATCH_SAMPLES).findIndex(({ series }) => {
    bytes += series.wire.length;
    return bytes > MAX_BATCH_BYTES;
  });
  return end === -1 ? MAX_BATCH_SAMPLES : Math.max(1, end);
};

const writeBatch = async (
  deps: BufferDeps,
  batch: readonly StampedSample[],
  families: readonly Family[],
): Promise<void> => {
  try {
    const index = await deps.log.append(deps.compress(encodeWriteRequest(batch, families)));
    deps.appended(index, batch.length);
  } catch (fault) {
    if (!(fault instanceof LogFault)) throw fault;
    deps.dropped(batch.length, fault.message);
    if (fault.reason === "io") deps.broken(fault);
  }
};

export const batcher = (deps: BufferDeps): Batcher => {
  let pending: StampedSample[] = [];
  /** The last word on each family, whichever target said it. */
  const pendingFamilies = new Map<string, Family>();
  let scheduled = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  let writing: Promise<void> = Promise.resolve();

  const takeFamilies = (): readonly Family[] => {
    const taken = [...pendingFamilies.values()].slice(0, MAX_BATCH_FAMILIES);
    for (const { name } of taken) pendingFamilies.delete(name);
    return taken;
  };
  const write = async (): Promise<void> => {
    while (pending.length > 0) {
      const length = batchLength(pending);
      const batch = pending.slice(0, length);
      pending = pending.slice(length);
      await writeBatch(deps, batch, takeFamilies());
    }
  };
  const flush = (): Promise<void> => {
    writing = writing.then(write);
    return writing;
  };
  const schedule = async (): Promise<void> => {
    scheduled = true;
    await deps.sleep(Math.max(LINGER_MS, lastMs + MIN_GAP_MS - deps.monotonic()));
    scheduled = false;
    lastMs = deps.monotonic();
    await flush();
  };
  return {
    add: (samples, families = []) => {
      for (const family of families) {
        const isKnown = pendingFamilies.has(family.name);
        if (isKnown || pendingFamilies.size < MAX_PENDING_FAMILIES)
          pendingFamilies.set(family.name, family);
      }
      if (pending.length + samples.length > MAX_PENDING_SAMPLES) {
        deps.dropped(samples.length, "the disk does not keep up");
        return;
      }
      for (const sample of samples) pending.push(sample);
      if (!scheduled) void schedule();
    },
    flush,
  };
};
