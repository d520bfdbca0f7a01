/**
 * The gateway's own metrics, for Prometheus.
 *
 * Names:  Prometheus conventions; durations in seconds. `outcome` is what was done.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { CIRCUITS_AS_NUMBERS, type Finished } from "../finished.ts";
import type { ServicePool } from "../pool.ts";

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MS_PER_S = 1_000;

export const newGatewayMetrics = (read: {
  readonly pools: () => readonly ServicePool[];
  readonly queued: (service: string) => number;
  readonly room: () => { readonly waiting: number; readonly active: number };
  readonly shedLevel: () => number;
  readonly spansDropped: () => number;
}) => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: "novaevo_gateway_requests_total",
    help: "Requests answered, by what was done with them.",
    labelNames: ["service", "route", "channel", "code", "outcome"],
    registers,
  });
  const durations = new Histogram({
    name: "novaevo_gateway_request_duration_seconds",
    help: "Time from the request's arrival to the end of its answer.",
    labelNames: ["service", "route"],
    buckets: BUCKETS_S,
    registers,
  });
  const gauge = (name: string, help: string, value: (pool: ServicePool) => number): Gauge =>
    new Gauge({
      ...{ name: `novaevo_gateway_${name}`, help, labelNames: ["service"], registers },
      collect() {
        for (const pool of read.pools()) this.set({ service: pool.id }, value(pool));
      },
    });
  gauge("inflight", "Calls running.", (pool) => pool.inflight());
  gauge("limit", "The adaptive limit on running calls.", (pool) => pool.limit.limit());
  gauge("queued", "Calls that wait for a place.", ({ id }) => read.queued(id));
  gauge("circuit", "0 closed, 1 half open, 2 open.", (p) => CIRCUITS_AS_NUMBERS[p.circuit()]);
  gauge("shed_reflex", "The level the gateway sheds at by itself.", (p) => p.reflex.level());
  const circuits = new Gauge({
    name: "novaevo_gateway_instance_circuit",
    help: "0 closed, 1 half open, 2 open.",
    labelNames: ["service", "instance"],
    registers: [],
    collect() {
      this.reset();
      for (const pool of read.pools())
        for (const backend of pool.backends())
          this.set(
            { service: pool.id, instance: backend.id },
            CIRCUITS_AS_NUMBERS[pool.circuitOf(backend)],
          );
    },
  });
  const plain = (name: string, help: string, value: () => number): Gauge =>
    new Gauge({
      ...{ name: `novaevo_gateway_${name}`, help, registers },
      collect() {
        this.set(value());
      },
    });
  plain("shed_level", "What is not served: 0 all is.", read.shedLevel);
  plain("room_waiting", "Sessions in the waiting room.", () => read.room().waiting);
  plain("room_active", "Sessions let in.", () => read.room().active);
  plain("spans_dropped", "Spans not kept because the hub was away.", read.spansDropped);
  registry.registerMetric(circuits);
  return {
    registry,
    finished: ({ service, route, channel, status, outcome, durationMs }: Finished): void => {
      requests.inc({ service, route, channel, code: status, outcome });
      durations.observe({ service, route }, durationMs / MS_PER_S);
    },
  };
};
