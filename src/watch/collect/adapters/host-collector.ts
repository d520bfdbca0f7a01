/**
 * The host as a collector: one look per tick, compared with the look before.
 */
import { platform } from "node:os";
import type { Collector } from "../collector.ts";
import { familyBook } from "../family.ts";
import { observeHost, type HostLook } from "../host.ts";
import { sampler } from "../observation.ts";
import { linuxHost, type WatchedProcess } from "./linux-host.ts";
import { portableHost } from "./portable-host.ts";

/** A mount that takes longer is left out of this look. */
const STATFS_PATIENCE_MS = 100;

export const hostCollector = (
  deps: {
    readonly clock: { readonly monotonic: () => number };
    readonly sleep: (delayMs: number) => Promise<void>;
  },
  options: {
    readonly host: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly processes: readonly WatchedProcess[];
  },
): Collector => {
  const open = platform() === "linux" ? linuxHost : portableHost;
  const look = open(deps.clock, options.processes);
  const book = familyBook();
  const toSamples = sampler({ host: options.host }, book);
  let previous: HostLook | undefined;
  return {
    name: "host",
    intervalMs: options.intervalMs,
    timeoutMs: options.timeoutMs,
    collect: async () => {
      const current = await look(deps.sleep(STATFS_PATIENCE_MS));
      const observations = observeHost(previous, current);
      previous = current;
      return toSamples(observations);
    },
    families: () => book.due(deps.clock.monotonic()),
  };
};
