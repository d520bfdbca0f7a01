/** What the gateway says of itself, in the control door's words. */
import type { GatewayState } from "../control/messages.ts";
import type { Books } from "./orders.ts";
import type { ServicePool } from "./pool.ts";
import type { WaitingRoom } from "./waiting-room.ts";

export const stateOf = (from: {
  readonly pools: readonly ServicePool[];
  readonly calls: { readonly queued: (service: string) => number };
  readonly room: WaitingRoom;
  readonly books: Books;
  readonly revision: number;
  readonly level: number;
  readonly ordered: number;
  /** Of the clock that does not go backwards. */
  readonly nowMs: number;
  readonly wallMs: number;
}): GatewayState => {
  const { room, books, revision, level, ordered, wallMs } = from;
  return {
    epoch: books.epoch,
    revision,
    orders: [...books.inForce.values()],
    shed: { level, ordered },
    queue: {
      on: room.isOn(),
      waiting: room.waiting(),
      active: room.active(),
      expectedWaitMs: room.expectedWaitMs(wallMs),
    },
    services: from.pools.map((pool) => serviceOf(pool, from.calls.queued(pool.id), from.nowMs)),
  };
};

const serviceOf = (pool: ServicePool, queued: number, nowMs: number) => {
  const { id, latency, limit } = pool;
  const servedPerS = latency.perS("served", nowMs);
  const failedPerS = latency.perS("failed", nowMs);
  // Answers of 5xx that came through are served and failed; what had no answer is failed alone.
  const answered = Math.max(servedPerS, failedPerS);
  return {
    id,
    offeredPerS: latency.perS("offered", nowMs),
    servedPerS,
    shedPerS: latency.perS("shed", nowMs),
    fallbackPerS: latency.perS("fallback", nowMs),
    errorShare: answered === 0 ? null : Math.min(1, failedPerS / answered),
    p50Ms: latency.quantile(0.5, nowMs),
    p95Ms: latency.quantile(0.95, nowMs),
    p99Ms: latency.quantile(0.99, nowMs),
    inflight: pool.inflight(),
    limit: limit.limit(),
    queued,
    circuit: pool.circuit(),
    instances: pool.backends().map((backend) => ({
      id: backend.id,
      region: backend.region,
      url: backend.url,
      circuit: pool.circuitOf(backend),
      ready: backend.ready,
      inflight: backend.inflight,
      p95Ms: backend.latency.quantile(0.95, nowMs),
    })),
  };
};
