/**
 * What the hub and the data plane say to each other: the words of the control doors of the
 * supervisor and of the gateway.
 *
 * Shape:  an order is one change in an envelope: `id` makes it idempotent, `epoch` fences it (an
 *         order of an older epoch is refused), `dryRun` only says what would change. The answer
 *         has what was there before, of which the inverse order is made.
 * Units:  ms since the epoch; shares 0 to 1; requests per second; bytes; cores.
 * Errors: a message that does not fit is refused by its schema, with the field's name.
 */
import * as z from "zod";

const MAX_TEXT = 500;
export const MAX_INSTANCES = 64;
export const MAX_EVENTS = 1_000;

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -, not beginning with -");
const instanceId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,94}$/, "1 to 95 of a-z, 0-9, '.', '_' and -");
const share = z.number().min(0).max(1);
const instant = z.number().nonnegative();
const said = z.string().max(MAX_TEXT);

// ── the envelope ────────────────────────────────────────────────────────────────────────────────

const envelope = {
  id: z.string().regex(/^[A-Za-z0-9:._-]{1,96}$/, "1 to 96 of A-Z, a-z, 0-9, ':', '.', '_' and -"),
  epoch: z.int().nonnegative(),
  dryRun: z.boolean().default(false),
};

/** `applied` is false for a dry run; `repeated` when this id was carried out before. */
export const orderAnswer = z.strictObject({
  id: envelope.id,
  applied: z.boolean(),
  repeated: z.boolean(),
  /** One line for people: what changes. */
  effect: said,
  /** What stood there before, in the form of an order that brings it back; null: no way back. */
  undo: z.unknown().nullable(),
});
export type OrderAnswer = z.infer<typeof orderAnswer>;

// ── supervisor ──────────────────────────────────────────────────────────────────────────────────

export const INSTANCE_STATES = [
  "starting",
  "ready",
  "unhealthy",
  "draining",
  "stopped",
  "quarantined",
] as const;

export const instance = z.strictObject({
  /** `<service>.<region>.<nth>`: the place; it keeps its id over restarts. */
  id: instanceId,
  service: name,
  region: name,
  /** null until it listens. */
  url: z.url().nullable(),
  pid: z.int().positive().nullable(),
  state: z.enum(INSTANCE_STATES),
  version: z.string().max(64),
  stateSinceMs: instant,
  restarts: z.int().nonnegative(),
  /** Shares of its bounds; null while unknown. */
  cpu: z.number().nonnegative().nullable(),
  memory: z.number().nonnegative().nullable(),
  cpuCores: z.number().positive(),
  memoryBytes: z.int().positive(),
  why: said.nullable(),
});
export type Instance = z.infer<typeof instance>;

export const pool = z.strictObject({
  service: name,
  region: name,
  replicas: z.int().nonnegative(),
  min: z.int().nonnegative(),
  max: z.int().positive(),
  /** What its processes are to run, and what a rollback would go back to. */
  version: z.string().max(64).optional(),
  previousVersion: z.string().max(64).nullable().optional(),
});
export type Pool = z.infer<typeof pool>;

/** How an instance's share of the processor is held: by the kernel, by priority, not at all. */
export const CPU_BOUNDS = ["cgroup", "nice", "reported"] as const;

export const supervisorState = z.strictObject({
  epoch: z.int().nonnegative(),
  /** Rises with every change: a reader waits for one after it. */
  revision: z.int().nonnegative(),
  pools: z.array(pool).max(MAX_INSTANCES),
  instances: z.array(instance).max(MAX_INSTANCES),
  cpuBoundBy: z.enum(CPU_BOUNDS).optional(),
});
export type SupervisorState = z.infer<typeof supervisorState>;

export const SUPERVISOR_EVENTS = [
  "started",
  "ready",
  "unhealthy",
  "exited",
  "restart_issued",
  "quarantined",
  "draining",
  "stopped",
  "scaled",
  "rolled_out",
  "rolled_back",
  "fault_began",
  "fault_ended",
] as const;

export const supervisorOrder = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("scale"),
    service: name,
    region: name,
    replicas: z.int().min(0).max(MAX_INSTANCES),
  }),
  z.strictObject({ kind: z.literal("restart"), instance: instanceId }),
  z.strictObject({ kind: z.literal("drain"), instance: instanceId }),
  /** Out of quarantine, or back from a drain. */
  z.strictObject({ kind: z.literal("release"), instance: instanceId }),
  /** The next version's processes replace the present ones, one at a time; undo rolls back. */
  z.strictObject({ kind: z.literal("version"), service: name, version: z.string().max(64) }),
  z.strictObject({
    kind: z.literal("bounds"),
    service: name,
    cpuCores: z.number().positive().max(64),
    memoryBytes: z.int().positive(),
  }),
]);
export const supervisorOrders = z.strictObject({ ...envelope, order: supervisorOrder });
export type SupervisorOrder = z.infer<typeof supervisorOrder>;

// ── gateway ─────────────────────────────────────────────────────────────────────────────────────

export const CIRCUITS = ["auto", "open", "closed"] as const;
export const FALLBACKS = ["auto", "backup", "last_good", "static", "off"] as const;
/** What is served: 0 all, 1 no optional, 2 no standard either, 3 critical only. */
export const SHED_LEVELS = [0, 1, 2, 3] as const;
const shedLevel = z.int().min(0).max(3);
/** An order that nobody renews ends by itself, so that a dead hub leaves nothing closed. */
const untilMs = instant.nullable().default(null);

export const gatewayOrder = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("circuit"),
    service: name,
    instance: instanceId.nullable().default(null),
    state: z.enum(CIRCUITS),
    untilMs,
  }),
  z.strictObject({
    kind: z.literal("fallback"),
    service: name,
    mode: z.enum(FALLBACKS),
    untilMs,
  }),
  z.strictObject({
    kind: z.literal("throttle"),
    service: name,
    /** Per user; null lifts it. */
    ratePerS: z.number().positive().max(1e6).nullable(),
    burst: z.int().positive().max(10_000).default(1),
    untilMs,
  }),
  z.strictObject({ kind: z.literal("shed"), level: shedLevel, untilMs }),
  z.strictObject({
    kind: z.literal("queue"),
    /** Sessions let in at a time; null opens the door. */
    maxActive: z.int().positive().max(10_000_000).nullable(),
    perMinute: z.int().positive().max(10_000_000).nullable().default(null),
    untilMs,
  }),
  z.strictObject({ kind: z.literal("premium"), share: share.max(0.9), untilMs }),
  z.strictObject({
    kind: z.literal("route"),
    /** null: every service. */
    service: name.nullable(),
    /** Region → weight; a region of weight 0 gets nothing; null: back to the nearest. */
    weights: z.record(name, z.number().min(0).max(100)).nullable(),
    untilMs,
  }),
]);
export const gatewayOrders = z.strictObject({ ...envelope, order: gatewayOrder });
export type GatewayOrder = z.infer<typeof gatewayOrder>;

export const INSTANCE_CIRCUITS = ["closed", "open", "half_open"] as const;

export const gatewayState = z.strictObject({
  epoch: z.int().nonnegative(),
  revision: z.int().nonnegative(),
  /** Orders in force. */
  orders: z.array(gatewayOrder).max(MAX_EVENTS),
  shed: z.strictObject({
    /** The higher of what was ordered and what the gateway itself does under overload. */
    level: shedLevel,
    ordered: shedLevel,
  }),
  queue: z.strictObject({
    on: z.boolean(),
    waiting: z.int().nonnegative(),
    active: z.int().nonnegative(),
    expectedWaitMs: z.number().nonnegative().nullable(),
  }),
  services: z.array(
    z.strictObject({
      id: name,
      /** Of the last ten seconds. */
      offeredPerS: z.number().nonnegative(),
      servedPerS: z.number().nonnegative(),
      shedPerS: z.number().nonnegative(),
      fallbackPerS: z.number().nonnegative(),
      errorShare: share.nullable(),
      p50Ms: z.number().nonnegative().nullable(),
      p95Ms: z.number().nonnegative().nullable(),
      p99Ms: z.number().nonnegative().nullable(),
      inflight: z.int().nonnegative(),
      /** The adaptive limit on `inflight`. */
      limit: z.number().nonnegative(),
      queued: z.int().nonnegative(),
      circuit: z.enum(INSTANCE_CIRCUITS),
      instances: z
        .array(
          z.strictObject({
            id: instanceId,
            region: name,
            url: z.url(),
            circuit: z.enum(INSTANCE_CIRCUITS),
            ready: z.boolean(),
            inflight: z.int().nonnegative(),
            p95Ms: z.number().nonnegative().nullable(),
          }),
        )
        .max(MAX_INSTANCES),
    }),
  ),
});
export type GatewayState = z.infer<typeof gatewayState>;

export const GATEWAY_EVENTS = [
  "circuit_opened",
  "circuit_half_open",
  "circuit_closed",
  "fallback_began",
  "fallback_ended",
  "shed_changed",
  "queue_opened",
  "queue_closed",
  "order_expired",
] as const;

// ── events of both ──────────────────────────────────────────────────────────────────────────────

/** Something that happened by itself; `seq` rises by one, also over restarts. */
export const controlEvent = z.strictObject({
  seq: z.int().positive(),
  atMs: instant,
  kind: z.enum([...SUPERVISOR_EVENTS, ...GATEWAY_EVENTS]),
  service: name.nullable(),
  instance: instanceId.nullable(),
  region: name.nullable(),
  why: said,
  /** What was measured when it was decided: names to numbers. */
  evidence: z.record(z.string().max(64), z.number()).default({}),
});
export type ControlEvent = z.infer<typeof controlEvent>;

/** `missed`: older events were forgotten, begin again from the state. */
export const controlEvents = z.strictObject({
  missed: z.boolean(),
  items: z.array(controlEvent).max(MAX_EVENTS),
});
export type ControlEvents = z.infer<typeof controlEvents>;
