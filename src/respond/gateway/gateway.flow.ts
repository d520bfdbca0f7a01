/**
 * The data plane put together: pools by service, orders in force, what it does by itself.
 *
 * Shape:  `openGateway` wires, `server` serves, `step` is called every `STEP_MS` and moves whatever
 *         time moves. Changes of structure raise the revision; readers wait for one after theirs.
 * Units:  ms.
 */
import { EventEmitter } from "node:events";
import type { Server } from "node:http";
import type { Clock } from "../../kernel/clock.ts";
import type { SegmentLog } from "../../io/log/segment-log.ts";
import type { GatewayOrder, GatewayState, OrderAnswer } from "../control/messages.ts";
import type { Result } from "../../kernel/result.ts";
import { newGatewayMetrics } from "./adapters/gateway-metrics.ts";
import { newUpstreams } from "./adapters/upstream.ts";
import type { Admission } from "./admission.ts";
import type { Journey } from "./call.flow.ts";
import { newCalls, type CallTerms } from "./calls.flow.ts";
import { newEvents, type Events } from "./events.ts";
import { newLastGood } from "./fallback.ts";
import type { FinishedAs } from "./finished.ts";
import { newGcra } from "./gcra.ts";
import { openOrders, type Orders } from "./orders.flow.ts";
import type { Asked, Known, OrderFault } from "./orders.ts";
import { newServicePool, type Changed, type Listed, type ServicePool } from "./pool.ts";
import { newProxyServer } from "./proxy.flow.ts";
import { newRoomDoor, signer } from "./room.flow.ts";
import { newRouting, type Route } from "./routing.ts";
import { rulesOf, type Rules } from "./rules.ts";
import { newSessionTokens } from "./session-token.ts";
import type { SpanBatch } from "./span-batch.ts";
import { stateOf } from "./state.ts";
import { newWaitingRoom } from "./waiting-room.ts";

export type Gateway = {
  readonly server: Server;
  readonly events: Events;
  readonly metrics: ReturnType<typeof newGatewayMetrics>["registry"];
  readonly state: () => GatewayState;
  readonly revision: () => number;
  /** "revision" and "event" are said when there is one more. */
  readonly changes: EventEmitter;
  readonly order: (
    asked: Asked,
  ) => Promise<Result<OrderAnswer, OrderFault | { code: "unavailable"; message: string }>>;
  readonly list: (instances: readonly ListedOf[]) => void;
  readonly step: () => void;
  readonly running: () => number;
  readonly close: () => Promise<void>;
};
export type ListedOf = Listed & { readonly service: string };
export type GatewayTerms = CallTerms & {
  readonly routes: readonly Route[];
  readonly regions: readonly string[];
  readonly sessionKey: Buffer;
  readonly idleMs: number;
};
export type GatewayDeps = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: SegmentLog;
  readonly admission: Admission;
  readonly spans: SpanBatch | undefined;
  readonly spansDropped: () => number;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
};

export const STEP_MS = 50;
type Happened = (event: Omit<Parameters<Events["add"]>[0], "atMs">) => void;

export const openGateway = async (deps: GatewayDeps, terms: GatewayTerms): Promise<Gateway> => {
  const { clock, random, say } = deps;
  const orders = await openOrders({ log: deps.log, now: clock.now, say });
  let rules = rulesOf(orders.books.inForce.values());
  let revision = orders.base;
  const changes = new EventEmitter();
  changes.setMaxListeners(0);
  const events = newEvents(orders.base);
  const bump = (): void => {
    revision += 1;
    changes.emit("revision");
  };
  const happened: Happened = (event) => {
    events.add({ atMs: clock.now(), ...event });
    changes.emit("event");
    bump();
  };

  const pools = poolsOf(terms, random, (service, changed) => {
    const { to, why, evidence, instance, region } = changed;
    happened({ kind: CIRCUIT_EVENTS[to], service, instance, region, why, evidence });
    say(`circuit ${to}`, { service, instance, why });
  });
  const parts = partsOf(deps, terms, pools, () => rules, happened);
  const { server, calls, room, upstreams, metrics, fallbacks } = parts;
  let wasOn = false;
  const enforce = (): void => {
    rules = rulesOf(orders.books.inForce.values());
    room.set(rules.room, clock.now());
    if (room.isOn() !== wasOn) {
      wasOn = room.isOn();
      const why = wasOn ? "ordered" : "no order keeps it shut";
      const kind = wasOn ? "queue_opened" : "queue_closed";
      happened({ kind, service: null, instance: null, region: terms.region, why, evidence: {} });
    }
    applyCircuits(pools, rules.circuits);
    bump();
  };
  enforce();
  const step = newStep({ ...deps, pools, orders, room, calls, fallbacks, happened, enforce });

  return {
    ...{ server, events, changes, step, metrics: metrics.registry },
    revision: () => revision,
    running: calls.running,
    state: () =>
      stateOf({
        ...{ pools: [...pools.values()], calls, room, revision, books: orders.books },
        ...{ nowMs: clock.monotonic(), wallMs: clock.now(), ordered: rules.shedLevel },
        level: shedLevel(pools, rules.shedLevel),
      }),
    order: async (asked) => {
      const answer = await orders.carryOut(asked, knownOf(pools, terms.regions));
      if (answer.ok && answer.value.applied && !answer.value.repeated) enforce();
      return answer;
    },
    list: (instances) => {
      for (const [id, pool] of pools)
        pool.update(instances.filter(({ service }) => service === id));
      applyCircuits(pools, rules.circuits);
      upstreams.keep(new Set(instances.map(({ url }) => url)));
      bump();
    },
    close: async () => {
      await upstreams.close();
      await deps.log.close();
    },
  };
};

const partsOf = (
  deps: GatewayDeps,
  terms: GatewayTerms,
  pools: ReadonlyMap<string, ServicePool>,
  rules: () => Rules,
  happened: Happened,
) => {
  const { clock, say } = deps;
  const upstreams = newUpstreams({ idleMs: terms.idleMs });
  const room = newWaitingRoom(() => rules().premiumShare);
  const sign = signer(terms.sessionKey);
  const metrics = newGatewayMetrics({
    pools: () => [...pools.values()],
    queued: (service) => calls.queued(service),
    room: () => ({ waiting: room.waiting(), active: room.active() }),
    shedLevel: () => shedLevel(pools, rules().shedLevel),
    spansDropped: deps.spansDropped,
  });
  const fallbacks = newFallbackWatch((service, began) =>
    happened({
      kind: began ? "fallback_began" : "fallback_ended",
      ...{ service, instance: null, region: terms.region, evidence: {} },
      why: began ? "answers stand in for the service" : "the service answers itself again",
    }),
  );
  const finished = newFinished({ ...deps, pools, metrics, fallbacks });
  const calls = newCalls(
    {
      ...{ clock, pools, upstreams, lastGood: newLastGood(), say, finished },
      rules,
    },
    terms,
  );
  const server = newProxyServer(
    {
      ...{ clock, pools, calls, finished, admission: deps.admission, rules },
      routing: newRouting(terms.routes),
      room: newRoomDoor(room, sign),
      verify: newSessionTokens(sign),
      gcra: newGcra(),
      refused: (status) =>
        metrics.finished({ ...UNROUTED, status, outcome: "refused", durationMs: 0 }),
    },
    terms,
  );
  return { server, calls, room, upstreams, metrics, fallbacks };
};

const CIRCUIT_EVENTS = {
  open: "circuit_opened",
  half_open: "circuit_half_open",
  closed: "circuit_closed",
} as const;
const UNROUTED = { service: "", route: "", channel: "api" };

const poolsOf = (
  { routes }: GatewayTerms,
  random: () => number,
  onCircuit: (service: string, changed: Changed) => void,
): ReadonlyMap<string, ServicePool> => {
  const services = [...new Set(routes.map(({ service }) => service))];
  return new Map(
    services.map((id) => {
      const pool = newServicePool(id, { random, onCircuit: (c) => onCircuit(id, c) });
      return [id, pool] as const;
    }),
  );
};

const applyCircuits = (
  pools: ReadonlyMap<string, ServicePool>,
  circuits: ReturnType<typeof rulesOf>["circuits"],
): void => {
  for (const pool of pools.values()) {
    pool.force(null, "auto");
    for (const backend of pool.backends()) backend.forced = "auto";
  }
  for (const { service, instance, state } of circuits) pools.get(service)?.force(instance, state);
};

const shedLevel = (pools: ReadonlyMap<string, ServicePool>, ordered: number): number =>
  Math.max(ordered, ...[...pools.values()].map(({ reflex }) => reflex.level()));

const knownOf = (pools: ReadonlyMap<string, ServicePool>, regions: readonly string[]): Known => ({
  hasService: (id) => pools.has(id),
  hasInstance: (service, id) =>
    pools
      .get(service)
      ?.backends()
      .some((backend) => backend.id === id) === true,
  hasRegion: (region) => regions.includes(region),
});

/** A service is on its fallback from the first stand-in until none was needed for a while. */
const FALLBACK_QUIET_MS = 5_000;
const newFallbackWatch = (tell: (service: string, began: boolean) => void) => {
  const lastMs = new Map<string, number>();
  return {
    used: (service: string, nowMs: number): void => {
      const isNew = !lastMs.has(service);
      lastMs.set(service, nowMs);
      if (isNew) tell(service, true);
    },
    look: (nowMs: number): void => {
      for (const [service, atMs] of lastMs) {
        if (nowMs - atMs < FALLBACK_QUIET_MS) continue;
        lastMs.delete(service);
        tell(service, false);
      }
    },
  };
};

const newFinished =
  (deps: {
    readonly clock: Clock;
    readonly spans: SpanBatch | undefined;
    readonly pools: ReadonlyMap<string, ServicePool>;
    readonly metrics: ReturnType<typeof newGatewayMetrics>;
    readonly fallbacks: ReturnType<typeof newFallbackWatch>;
  }) =>
  (journey: Journey, outcome: FinishedAs): void => {
    const { route, channel, res, startMs, wallMs, trace, span, parent } = journey;
    const { service, prefix } = route;
    const nowMs = deps.clock.monotonic();
    const durationMs = nowMs - startMs;
    const { latency } = deps.pools.get(service)!;
    // Nginx's number for a client that did not wait.
    const status = outcome === "aborted" ? 499 : res.statusCode;
    if (outcome === "served" || outcome === "fallback") latency.count("served", nowMs);
    if (outcome === "fallback") {
      latency.count("fallback", nowMs);
      deps.fallbacks.used(service, nowMs);
    }
    if (SHED.has(outcome)) latency.count("shed", nowMs);
    if (outcome === "failed" || (outcome === "served" && status >= 500))
      latency.count("failed", nowMs);
    deps.metrics.finished({ service, route: prefix, channel, status, outcome, durationMs });
    deps.spans?.add(
      { trace, span, parent, startMs: wallMs, endMs: wallMs + durationMs },
      { method: journey.req.method ?? "GET", route: prefix, service, channel, status, outcome },
    );
  };
const SHED: ReadonlySet<FinishedAs> = new Set(["shed", "limited", "overloaded", "waiting"]);

const REFLEX_EVERY_STEPS = 2;
const ROOM_EVERY_STEPS = 5;

const newStep = (deps: {
  readonly clock: Clock;
  readonly pools: ReadonlyMap<string, ServicePool>;
  readonly orders: Orders;
  readonly room: ReturnType<typeof newWaitingRoom>;
  readonly calls: ReturnType<typeof newCalls>;
  readonly fallbacks: ReturnType<typeof newFallbackWatch>;
  readonly happened: Happened;
  readonly enforce: () => void;
}) => {
  const { clock, pools, calls, happened } = deps;
  let steps = 0;
  const say = (
    kind: "shed_changed" | "order_expired",
    service: string | null,
    why: string,
    n: number,
  ) => happened({ kind, service, instance: null, region: null, why, evidence: { n } });
  const expired = (order: GatewayOrder): void =>
    say("order_expired", "service" in order ? order.service : null, `${order.kind} is over`, 1);
  const reflexes = (nowMs: number): void => {
    for (const { id, reflex } of pools.values()) {
      const waitsMs = calls.leastWaitsMs(id);
      if (!reflex.look(waitsMs, nowMs)) continue;
      const all = waitsMs.map((waitMs) => Math.round(waitMs)).join(", ");
      const why = `level ${reflex.level()}: least waits by criticality ${all} ms`;
      say("shed_changed", id, why, reflex.level());
    }
  };
  return (): void => {
    const nowMs = clock.monotonic();
    steps += 1;
    calls.step();
    for (const pool of pools.values()) pool.tick(nowMs);
    if (steps % REFLEX_EVERY_STEPS === 0) reflexes(nowMs);
    if (steps % ROOM_EVERY_STEPS === 0) {
      deps.room.turn(clock.now());
      deps.fallbacks.look(nowMs);
    }
    const over = deps.orders.expire(clock.now());
    if (over.length === 0) return;
    deps.enforce();
    over.forEach(expired);
  };
};
