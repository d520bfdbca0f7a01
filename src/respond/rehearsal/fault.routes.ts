/**
 * The rehearsal's faults and users over HTTP: asked of the hub, done by the supervisor and by the
 * program of the simulated users.
 *
 * Errors: outside a rehearsal "not_found"; what the other side refuses is passed on with its words;
 *         no answer is "unavailable".
 */
import { randomUUID } from "node:crypto";
import type { FaultInForce, Rehearsal, UserLoad } from "../../contract/fault.ts";
import type { Serving } from "../../io/http/handlers.ts";
import { err, ok, problem, type Problem, type Result } from "../../kernel/result.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import { FAULT_KINDS } from "../supervisor/fault.ts";
import { usersReport } from "./users-report.ts";

export type RehearsalDoors = {
  readonly supervisorUrl: string;
  readonly usersUrl: string;
  readonly token: () => Promise<string>;
};

export type FaultRouteDeps = {
  readonly applied: () => AppliedPlan;
  /** Undefined: nothing is rehearsed here. */
  readonly doors: RehearsalDoors | undefined;
};

const TIMEOUT_MS = 5_000;
/** A stop-all waits for services that may not answer. */
const STOP_TIMEOUT_MS = 15_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const nothing = problem("not_found", "nothing is rehearsed here: start `novaevo rehearse`");

type Raw = Omit<FaultInForce, "since" | "until"> & {
  readonly sinceMs: number;
  readonly untilMs: number | null;
};
type RawRun = { readonly id: string; readonly sinceMs: number; readonly untilMs: number };
type RawScenario = { readonly id?: string; readonly name?: { fr: string; en: string } };

const faultOf = ({ sinceMs, untilMs, ...raw }: Raw): FaultInForce => ({
  id: raw.id,
  kind: raw.kind,
  service: raw.service,
  region: raw.region,
  share: raw.share,
  instances: [...raw.instances],
  since: iso(sinceMs),
  until: untilMs === null ? null : iso(untilMs),
});
const runOf = ({ id, sinceMs, untilMs }: RawRun) => ({
  ...{ id, since: iso(sinceMs), until: iso(untilMs) },
});

export const faultRoutes = (deps: FaultRouteDeps) =>
  ({
    "GET faults": async () => (deps.doors === undefined ? ok(EMPTY) : listed(deps)),
    "POST faults": async ({ body }) => {
      const asked = { ...body, id: `fault:${randomUUID()}` };
      const made = await at<Raw>(deps, "supervisor", "POST", "/control/faults", asked);
      return made.ok ? ok(faultOf(made.value)) : made;
    },
    "DELETE faults": () =>
      at<{ lifted: string[] }>(deps, "supervisor", "DELETE", "/control/faults", undefined),
    "DELETE fault": ({ params }) => {
      const path = `/control/faults/${encodeURIComponent(params.id)}`;
      return at<{ lifted: string[] }>(deps, "supervisor", "DELETE", path, undefined);
    },
    "POST scenarios": async ({ body }) => {
      const run = await at<RawRun>(deps, "supervisor", "POST", "/control/scenarios", body);
      return run.ok ? ok(runOf(run.value)) : run;
    },
    "GET userLoad": () => loadOf(deps),
    "PUT userLoad": async ({ body: { restart, ...load } }) => {
      if (Object.values(load).some((value) => value !== undefined)) {
        const changed = await at(deps, "users", "PUT", "/load", load);
        if (!changed.ok) return changed;
      }
      if (restart === true) {
        const begun = await at(deps, "users", "POST", "/restart", undefined);
        if (!begun.ok) return begun;
      }
      return loadOf(deps);
    },
  }) satisfies Serving<
    | "GET faults"
    | "POST faults"
    | "DELETE faults"
    | "DELETE fault"
    | "POST scenarios"
    | "GET userLoad"
    | "PUT userLoad"
  >;

const EMPTY: Rehearsal = {
  ...{ isRehearsal: false, items: [], running: null, scenarios: [] },
  ...{ kinds: [], services: [], regions: [] },
};

const listed = async (deps: FaultRouteDeps): Promise<Result<Rehearsal>> => {
  const faults = await at<{ items: Raw[] }>(
    deps,
    "supervisor",
    "GET",
    "/control/faults",
    undefined,
  );
  if (!faults.ok) return faults;
  const known = await at<{ items: RawScenario[]; running: RawRun | null }>(
    ...([deps, "supervisor", "GET", "/control/scenarios", undefined] as const),
  );
  if (!known.ok) return known;
  const { plan } = deps.applied();
  return ok({
    isRehearsal: true,
    items: faults.value.items.map(faultOf),
    running: known.value.running === null ? null : runOf(known.value.running),
    scenarios: known.value.items.flatMap(({ id, name }) =>
      id === undefined || name === undefined ? [] : [{ id, name }],
    ),
    kinds: [...FAULT_KINDS],
    services: plan.services.flatMap(({ id, scaling }) => (scaling === undefined ? [] : [id])),
    regions: (plan.regions ?? []).map(({ id }) => id),
  });
};

const loadOf = async (deps: FaultRouteDeps): Promise<Result<UserLoad>> => {
  const said = await at<Record<string, unknown>>(deps, "users", "GET", "/report", undefined);
  if (!said.ok) return said;
  const { load, ...report } = said.value;
  const read = usersReport.safeParse({ ...report, ...(load as object) });
  return read.success
    ? ok(read.data)
    : problem("unavailable", "the simulated users answered what nobody can read");
};

const at = async <T>(
  { doors }: FaultRouteDeps,
  who: "supervisor" | "users",
  method: string,
  path: string,
  body: unknown,
): Promise<Result<T>> => {
  if (doors === undefined) return nothing;
  const base = who === "supervisor" ? doors.supervisorUrl : doors.usersUrl;
  const token = await doors.token();
  try {
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(method === "DELETE" ? STOP_TIMEOUT_MS : TIMEOUT_MS),
    });
    const said = (await answer.json()) as T & Refused;
    return answer.ok ? ok(said) : err(passedOn(answer.status, said));
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    return problem("unavailable", `the ${who} of the rehearsal gives no answer: ${why}`);
  }
};

type Refused = { readonly error?: { readonly message?: string; readonly field?: string } };

const passedOn = (status: number, { error }: Refused): Problem => {
  const message = error?.message ?? `answered ${status}`;
  const field = error?.field;
  const code =
    status === 400 || status === 422
      ? "bad_request"
      : status === 404
        ? "not_found"
        : status === 409
          ? "conflict"
          : "unavailable";
  return { code, message, ...(field === undefined ? {} : { field }) };
};
