/**
 * What a hub has of each stream, judged by the same rules as ours: durable up to `accepted`, in the
 * store up to `stored`; a crash of its disk loses what is not stored.
 */
import { zstdDecompressSync } from "node:zlib";
import { newCatalog } from "../../src/watch/intake/decode/catalog.ts";
import { decodeRemoteWrite } from "../../src/watch/intake/decode/remote-write.ts";

export type Taken = { readonly streamId: string; readonly seq: number; readonly body: Buffer };
export type HubLedger = {
  /** False makes it take the same number again: the control that must show duplicates. */
  dedup: boolean;
  readonly take: (streamId: string, seq: number, previous: number, body: Buffer) => void;
  readonly state: (streamId: string) => { readonly accepted: number; readonly stored: number };
  /** The store takes everything up to a number, or all. */
  readonly store: (through?: number) => void;
  /** Loses what is not stored. */
  readonly forget: () => void;
  /** Everything that is there, in the order it came. */
  readonly taken: () => readonly Taken[];
  readonly samples: () => readonly SeenSample[];
};
export type SeenSample = {
  readonly labels: Readonly<Record<string, string>>;
  readonly timeMs: number;
  readonly value: number;
};

const NO_BOUNDS = { notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER };

export const decodeBatch = (body: Uint8Array): readonly SeenSample[] => {
  const decoded = decodeRemoteWrite(newCatalog(), zstdDecompressSync(body), NO_BOUNDS);
  if (!decoded.ok) throw new Error(decoded.error.message);
  const { count, series, timesMs, values } = decoded.value;
  return Array.from({ length: count }, (_, nth) => ({
    labels: Object.fromEntries(series[nth]!.labels),
    timeMs: timesMs[nth]!,
    value: values[nth]!,
  }));
};

export const hubLedger = (): HubLedger => {
  let taken: Taken[] = [];
  const streams = new Map<string, { accepted: number; stored: number }>();
  const of = (streamId: string) => {
    const known = streams.get(streamId) ?? { accepted: 0, stored: 0 };
    streams.set(streamId, known);
    return known;
  };
  const self: HubLedger = {
    dedup: true,
    take: (streamId, seq, previous, body) => {
      const known = of(streamId);
      if (self.dedup && (seq <= known.accepted || previous > known.accepted)) return;
      taken.push({ streamId, seq, body });
      known.accepted = Math.max(known.accepted, seq);
    },
    state: (streamId) => ({ ...of(streamId) }),
    store: (through = Number.MAX_SAFE_INTEGER) => {
      for (const known of streams.values()) {
        known.stored = Math.max(known.stored, Math.min(known.accepted, through));
      }
    },
    forget: () => {
      // Without deduplication it forgets the numbers, but has the content still.
      if (self.dedup) taken = taken.filter(({ streamId, seq }) => seq <= of(streamId).stored);
      for (const known of streams.values()) known.accepted = known.stored;
    },
    taken: () => taken,
    samples: () => taken.flatMap(({ body }) => decodeBatch(body)),
  };
  return self;
};

/** What is wrong with what a hub has: numbers twice, numbers missing. */
export const faultsIn = (taken: readonly Taken[], through: number): string[] => {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { streamId, seq } of taken) {
    if (seen.has(`${streamId}:${seq}`)) faults.push(`${streamId}:${seq} is there twice`);
    seen.add(`${streamId}:${seq}`);
  }
  const [streamId = ""] = taken.map((one) => one.streamId);
  for (let seq = 1; seq <= through; seq += 1) {
    if (!seen.has(`${streamId}:${seq}`)) faults.push(`${streamId}:${seq} is missing`);
  }
  return faults;
};
