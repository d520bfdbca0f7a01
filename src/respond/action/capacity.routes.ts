/** Capacity as the pages show it: use, limit, headroom, instances, and scaling of the last hour. */
import type { Capacity } from "../../contract/action.ts";
import type { Plan, Service } from "../../launch/plan/plan.ts";
import type { Desk } from "./desk.flow.ts";

const HOUR_MS = 3_600_000;
/** Enough for a chart; the hour is thinned evenly. */
const MAX_POINTS = 180;
const iso = (ms: number): string => new Date(ms).toISOString();

export const capacityView = (plan: Plan, desk: Desk | undefined, nowMs: number): Capacity => {
  if (desk === undefined) return { at: iso(nowMs), isConnected: false, items: [], events: [] };
  const managed = new Set(desk.observed?.pools.map(({ service }) => service));
  return {
    at: iso(nowMs),
    isConnected: true,
    items: plan.services.filter(({ id }) => managed.has(id)).map((one) => serviceView(desk, one)),
    events: scalingOf(desk, nowMs),
  };
};

const serviceView = (desk: Desk, service: Service): Capacity["items"][number] => {
  const history = desk.capacity.history(service.id);
  const last = history.at(-1);
  const offered = last?.offeredPerS ?? null;
  const limit = last?.capacityPerS ?? null;
  const replicas = desk.observed?.replicas.filter((one) => one.service === service.id) ?? [];
  const pools = desk.observed?.pools.filter((one) => one.service === service.id) ?? [];
  const ready = replicas.filter(({ state }) => state === "ready");
  return {
    ...{ service: service.id, name: service.name, offeredPerS: offered, capacityPerS: limit },
    use: offered === null || limit === null || limit === 0 ? null : offered / limit,
    headroomPerS: offered === null || limit === null ? null : limit - offered,
    target: service.scaling?.target ?? null,
    cpu: mean(ready.map(({ cpu }) => cpu)),
    memory: mean(ready.map(({ memory }) => memory)),
    pools: pools.map(({ region, replicas: wanted, min, max }) => ({
      ...{ region, replicas: wanted, min, max },
      ready: ready.filter((one) => one.region === region).length,
    })),
    instances: replicas.map(({ id, region, state, version, cpu, memory, restarts }) => {
      return { id, region, state, version, cpu, memory, restarts };
    }),
    history: thinned(history).map(({ atMs, ...rest }) => ({ at: iso(atMs), ...rest })),
  };
};

const scalingOf = (desk: Desk, nowMs: number): Capacity["events"] =>
  [...desk.runs.values()].toReversed().flatMap((run) => {
    const [first] = run.steps;
    if (first?.change.kind !== "scale" || first.undo?.kind !== "scale") return [];
    if (run.startedAtMs === null || run.startedAtMs < nowMs - HOUR_MS) return [];
    const { service, region, replicas } = first.change;
    return [
      {
        ...{ at: iso(run.startedAtMs), action: `ACT-${run.id}`, service, region },
        ...{ from: first.undo.replicas, to: replicas, state: run.life.state },
        why: run.trigger.text,
      },
    ];
  });

const mean = (values: readonly (number | null)[]): number | null => {
  const known = values.flatMap((one) => one ?? []);
  return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length;
};

const thinned = <T>(points: readonly T[]): readonly T[] => {
  const every = Math.max(1, Math.ceil(points.length / MAX_POINTS));
  return points.filter((_, at) => (points.length - 1 - at) % every === 0);
};
