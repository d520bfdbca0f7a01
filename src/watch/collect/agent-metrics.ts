/**
 * What the agent says about itself; part of every batch, so that the hub sees it.
 *
 * Units: bytes, seconds, counts since the start of the process.
 */
import type { LogStats } from "../../io/log/segment-log.ts";
import { counter, gauge, type Observation } from "./observation.ts";
import type { ShipProgress } from "./ship.ts";

export type AgentCounts = {
  droppedSamples: number;
  refusedSamples: number;
  batchedSamples: number;
  readonly failedLooks: Map<string, number>;
  readonly missedTicks: Map<string, number>;
};

export const noCounts = (): AgentCounts => ({
  droppedSamples: 0,
  refusedSamples: 0,
  batchedSamples: 0,
  failedLooks: new Map(),
  missedTicks: new Map(),
});

export const countUp = (counts: Map<string, number>, key: string, by: number): void => {
  counts.set(key, (counts.get(key) ?? 0) + by);
};

export type AgentState = {
  readonly counts: AgentCounts;
  readonly ship: ShipProgress;
  readonly buffer: {
    readonly bytes: number;
    readonly maxBytes: number;
    readonly pending: number;
    readonly stats: LogStats;
  };
  readonly lagMs: number;
  readonly clock: { readonly jumps: number; readonly aheadMs: number };
  readonly startedAtMs: number;
};

const perCollector = (name: string, unit: string, counts: ReadonlyMap<string, number>) =>
  [...counts].map(([collector, value]) => counter(name, unit, value, { collector }));

export const observeAgent = (state: AgentState): readonly Observation[] => {
  const { counts, ship, buffer, clock } = state;
  const { stats } = buffer;
  return [
    gauge("novaevo.agent.buffer", "By", buffer.bytes),
    gauge("novaevo.agent.buffer.limit", "By", buffer.maxBytes),
    gauge("novaevo.agent.buffer.utilization", "1", buffer.bytes / buffer.maxBytes),
    gauge("novaevo.agent.pending_records", "{record}", buffer.pending),
    gauge("novaevo.agent.ship.lag", "s", state.lagMs / 1_000),
    gauge("novaevo.agent.hub.connected", "", ship.connected ? 1 : 0),
    gauge("novaevo.agent.start_time", "s", state.startedAtMs / 1_000),
    gauge("novaevo.agent.clock.ahead", "s", clock.aheadMs / 1_000),
    counter("novaevo.agent.clock.jumps", "{jump}", clock.jumps),
    counter("novaevo.agent.batched_samples", "{sample}", counts.batchedSamples),
    counter("novaevo.agent.dropped_samples", "{sample}", counts.droppedSamples),
    counter("novaevo.agent.refused_samples", "{sample}", counts.refusedSamples),
    counter("novaevo.agent.shipped_batches", "{batch}", ship.sent),
    counter("novaevo.agent.quarantined_batches", "{batch}", ship.quarantined),
    counter("novaevo.agent.missing_records", "{record}", ship.missing),
    counter("novaevo.agent.damaged_records", "{record}", stats.damagedRecords),
    ...perCollector("novaevo.agent.collect_failures", "{look}", counts.failedLooks),
    ...perCollector("novaevo.agent.missed_ticks", "{tick}", counts.missedTicks),
  ];
};
