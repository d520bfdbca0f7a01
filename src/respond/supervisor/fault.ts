/**
 * A fault that a rehearsal asks for: what may be asked, and whom it hits.
 *
 * Shape:  `crash` and `hang` are signals, `bad-deploy` is a version, `region-loss` a region held
 *         down: their share is of the instances. The others are done inside the process, to a share
 *         of its requests, calls or writes. `service` may be "*" for the loss of a region.
 * Units:  ms; shares above 0 to 1.
 * Errors: a fault with a code and the field's name; nothing is broken then.
 */
import * as z from "zod";
import { err, ok, type Result } from "../../kernel/result.ts";

export const PROCESS_FAULTS = [
  "slow",
  "errors",
  "leak",
  "cpu",
  "partition",
  "disk-full",
  "partner-down",
] as const;
export const FAULT_KINDS = [
  "crash",
  "hang",
  "bad-deploy",
  "region-loss",
  ...PROCESS_FAULTS,
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export const MAX_FAULT_MS = 3_600_000;
const DEFAULT_FAULT_MS = 120_000;
const EVERY_SERVICE = "*";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -");
const what = {
  kind: z.enum(FAULT_KINDS),
  service: z.union([name, z.literal(EVERY_SERVICE)]),
  region: name.optional(),
  share: z.number().gt(0).max(1).optional(),
};
export const faultRequest = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9:._-]{1,96}$/, "1 to 96 of A-Z, a-z, 0-9, ':', '.', '_' and -"),
  ...what,
  forMs: z.int().min(100).max(MAX_FAULT_MS).optional(),
});
export type FaultRequest = z.infer<typeof faultRequest>;
/** As a scenario writes it: the duration in words. */
export const faultInScenario = z.strictObject({ ...what, for: z.string().max(40).optional() });

export type FaultInForce = {
  readonly id: string;
  readonly kind: FaultKind;
  readonly service: string;
  readonly region: string | null;
  readonly share: number;
  readonly instances: readonly string[];
  readonly sinceMs: number;
  /** null: it was over at once. */
  readonly untilMs: number | null;
};

export type FaultRefusal = {
  readonly code:
    | "bad_request"
    | "unknown_target"
    | "conflict"
    | "not_running"
    | "unavailable"
    | "scenario_running";
  readonly message: string;
  readonly field?: string;
};

/** How the fault is brought about. */
export type Means =
  | { readonly by: "signal"; readonly signal: "SIGKILL" | "SIGSTOP" }
  | { readonly by: "version" }
  | { readonly by: "region"; readonly region: string; readonly services: readonly string[] }
  | { readonly by: "process"; readonly kind: (typeof PROCESS_FAULTS)[number] };

export type FaultPlan = {
  readonly means: Means;
  readonly instances: readonly string[];
  /** null: a crash that happens once. */
  readonly forMs: number | null;
};

type Known = {
  readonly id: string;
  readonly pools: readonly { readonly region: string }[];
};
/** `isUp`: it has a process that listens. */
type Target = {
  readonly id: string;
  readonly service: string;
  readonly region: string;
  readonly isUp: boolean;
};

/** What can be said of a request without looking at what runs. */
export const checkFault = (
  services: readonly Known[],
  { kind, service, region, share }: Pick<FaultRequest, "kind" | "service" | "region" | "share">,
): Result<null, FaultRefusal> => {
  const known = services.filter(({ id }) => service === EVERY_SERVICE || id === service);
  if (known.length === 0) return unknown("service", `no service "${service}" here`);
  if (service === EVERY_SERVICE && kind !== "region-loss") {
    return refuse("service", `"${EVERY_SERVICE}" is for region-loss only, name one service`);
  }
  const isIn = ({ pools }: Known): boolean => pools.some((pool) => pool.region === region);
  if (region !== undefined && !known.some(isIn)) {
    return unknown("region", `${service} has no region "${region}"`);
  }
  if (kind !== "region-loss") return ok(null);
  if (region === undefined) return refuse("region", "region-loss needs the region that is lost");
  if (share !== undefined) return refuse("share", "a region is lost whole, leave share away");
  return ok(null);
};

export const planFault = (
  services: readonly Known[],
  targets: readonly Target[],
  request: FaultRequest,
): Result<FaultPlan, FaultRefusal> => {
  const checked = checkFault(services, request);
  if (!checked.ok) return checked;
  const { kind, service, region, share = 1 } = request;
  const here = targets.filter(
    (target) =>
      (service === EVERY_SERVICE || target.service === service) &&
      (region === undefined || target.region === region),
  );
  const forMs = request.forMs ?? DEFAULT_FAULT_MS;
  if (kind === "region-loss" && region !== undefined) {
    const lost = services.filter(({ id }) => service === EVERY_SERVICE || id === service);
    const names = lost.map(({ id }) => id);
    const means: Means = { by: "region", region, services: names };
    return ok({ means, instances: here.map(({ id }) => id), forMs });
  }
  const up = here.filter(({ isUp }) => isUp).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (up.length === 0) {
    const place = region === undefined ? service : `${service} in ${region}`;
    return err({ code: "not_running", message: `no instance of ${place} runs now` });
  }
  const means = meansOf(kind);
  // At least one: a fault that hits nobody is a mistake in the asking.
  const count = means.by === "process" ? up.length : Math.max(1, Math.round(up.length * share));
  return ok({
    means,
    instances: up.slice(0, count).map(({ id }) => id),
    forMs: kind === "crash" && request.forMs === undefined ? null : forMs,
  });
};

/** What stays when the process is replaced: it is in what surrounds it. */
export const outlivesProcess = (kind: FaultKind): boolean =>
  kind === "partition" || kind === "disk-full" || kind === "partner-down";

const meansOf = (kind: Exclude<FaultKind, "region-loss"> | "region-loss"): Means => {
  switch (kind) {
    case "crash":
      return { by: "signal", signal: "SIGKILL" };
    case "hang":
      return { by: "signal", signal: "SIGSTOP" };
    case "bad-deploy":
      return { by: "version" };
    case "region-loss":
      throw new Error("a region has means of its own");
    case "slow":
    case "errors":
    case "leak":
    case "cpu":
    case "partition":
    case "disk-full":
    case "partner-down":
      return { by: "process", kind };
  }
};

const unknown = (field: string, message: string) =>
  err({ code: "unknown_target", message: `${field}: ${message}`, field } as const);
const refuse = (field: string, message: string) =>
  err({ code: "bad_request", message: `${field}: ${message}`, field } as const);
