/** An agent in this process, put together as the program does, the world's parts replaceable. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { systemClock } from "../../src/io/clock.ts";
import type { Disk } from "../../src/io/disk/disk.ts";
import { openSegmentLog, type SegmentLog } from "../../src/io/log/segment-log.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { sleep } from "../../src/watch/collect/adapters/sleep.ts";
import { startAgent, type RunningAgent } from "../../src/watch/collect/agent.flow.ts";
import type { Collector } from "../../src/watch/collect/collector.ts";
import type { HubLink } from "../../src/watch/collect/hub-link.ts";
import { quarantineIn } from "../../src/watch/collect/quarantine.flow.ts";
import { seriesOf, type Sample } from "../../src/watch/collect/series.ts";
import { openStream } from "../../src/watch/collect/stream.flow.ts";
import type { HubLedger } from "./hub-ledger.ts";

export type Said = { readonly message: string; readonly fields: Readonly<Record<string, unknown>> };
export type LabAgent = RunningAgent & { readonly log: SegmentLog; readonly said: readonly Said[] };

export const labAgent = async (options: {
  readonly disk: Disk;
  readonly dir: string;
  readonly link: HubLink;
  readonly collectors: readonly Collector[];
  readonly intervalMs?: number;
  readonly maxBufferBytes?: number;
  readonly time?: { readonly clock: Clock; readonly sleep: typeof sleep };
}): Promise<LabAgent> => {
  const { disk, dir, link, collectors, intervalMs = 1_000, maxBufferBytes = 64 << 20 } = options;
  const { clock, sleep: wait } = options.time ?? { clock: systemClock, sleep };
  const said: Said[] = [];
  const say = (message: string, fields: Said["fields"]): void =>
    void said.push({ message, fields });
  const log = await openSegmentLog({
    dir: `${dir}/buffer`,
    disk,
    maxBytes: maxBufferBytes,
    maxSegmentBytes: Math.min(4 << 20, maxBufferBytes / 4),
  });
  let names = 0;
  const randomHex = (): string => String((names += 1)).padStart(8, "0");
  const stream = await openStream({ disk, randomHex }, { dir: `${dir}/buffer`, agentId: "a1" });
  const quarantine = quarantineIn({ disk, streamId: stream.id, say }, `${dir}/refused`);
  const agent = startAgent(
    {
      ...{ clock, sleep: wait, random: () => 0.5 },
      ...{ compress: zstdCompressSync, decompress: zstdDecompressSync },
      ...{ log, link, stream, quarantine, say },
    },
    { host: "lab", intervalMs, maxBufferBytes, collectors },
  );
  return { ...agent, log, said };
};

/** Counts its looks: what it said n-th has the value n. */
export const countingCollector = (intervalMs: number, name = "looks"): Collector => {
  const series = seriesOf([["__name__", `${name}_total`]]);
  let looks = 0;
  return {
    name,
    intervalMs,
    timeoutMs: intervalMs,
    collect: async (): Promise<readonly Sample[]> => [{ series, value: (looks += 1) }],
  };
};

export type LedgerLink = HubLink & { isThere: boolean };

/** The hub without a network, for virtual time. */
export const ledgerLink = (ledger: HubLedger): LedgerLink => {
  const answer = (streamId: string) =>
    self.isThere
      ? ({ kind: "state", state: ledger.state(streamId) } as const)
      : ({ kind: "retry", why: "nobody there" } as const);
  const self: LedgerLink = {
    isThere: true,
    state: async (streamId) => answer(streamId),
    send: async (streamId, { seq, previous, body }) => {
      if (self.isThere) ledger.take(streamId, seq, previous, Buffer.from(body));
      return answer(streamId);
    },
    close: () => undefined,
  };
  return self;
};
