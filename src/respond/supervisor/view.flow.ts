/**
 * What others see of the supervisor: pools and instances as the control door shows them.
 *
 * Units:  ms of wall time; shares of an instance's bounds.
 */
import type { Pool, SupervisorState } from "../control/messages.ts";
import { stateOf } from "./instance.ts";
import type { Place } from "./place.flow.ts";
import { BAD_SUFFIX, type Service } from "./service.flow.ts";

const MAX_WHY = 500;

export const liveOf = (services: ReadonlyMap<string, Service>) =>
  new Map(
    [...services.values()].flatMap(({ places }) =>
      [...places.values()].map(
        (place) => [place.id, { service: place.service, state: stateOf(place.life()) }] as const,
      ),
    ),
  );

export const stateNow = (
  services: ReadonlyMap<string, Service>,
  {
    epoch,
    revision,
    by,
  }: { epoch: number; revision: number; by: NonNullable<SupervisorState["cpuBoundBy"]> },
): SupervisorState => ({
  ...{ epoch, revision, cpuBoundBy: by },
  pools: [...services.values()].flatMap(poolStates),
  instances: [...services.values()].flatMap(({ places }) => [...places.values()].map(instanceOf)),
});

const poolStates = ({ settings, desired, spoilt }: Service): readonly Pool[] => {
  const { version } = desired.spec;
  const isSpoilt = spoilt.size > 0;
  return settings.pools.map(({ region, replicas, min, max }) => ({
    ...{ service: settings.id, region, min, max },
    replicas: desired.replicas[region] ?? replicas,
    version: isSpoilt ? `${version}${BAD_SUFFIX}` : version,
    previousVersion: isSpoilt ? version : desired.previousVersion,
  }));
};

const instanceOf = (place: Place): SupervisorState["instances"][number] => {
  const life = place.life();
  const spec = place.runs();
  return {
    ...{ id: place.id, service: place.service, region: place.region },
    url: place.url(),
    pid: place.pid() ?? null,
    state: stateOf(life),
    version: spec.version,
    stateSinceMs: place.sinceMs(),
    restarts: life.record.restarts,
    cpu: place.measured.use?.cpu ?? null,
    memory: place.measured.use?.memory ?? null,
    cpuCores: spec.cpuCores,
    memoryBytes: spec.memoryBytes,
    why: life.why?.slice(0, MAX_WHY) ?? null,
  };
};
