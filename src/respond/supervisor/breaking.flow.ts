/**
 * How a fault is brought about and taken back: signals, versions, regions, fault doors.
 *
 * Units:  ms of wall time.
 * Errors: none; what cannot be asked to be as before is ended, and comes back without faults.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { FaultDoor } from "./adapters/fault-door.ts";
import { outlivesProcess, type FaultPlan, type FaultRequest, type Means } from "./fault.ts";
import type { Place } from "./place.flow.ts";
import type { Rehearsal } from "./supervisor.flow.ts";

export type Standing = {
  readonly request: FaultRequest;
  readonly means: Means;
  readonly instances: Set<string>;
  readonly sinceMs: number;
  readonly untilMs: number;
};

export type Breaking = {
  /** False: one could not be broken, and none is. */
  readonly begin: (request: FaultRequest, plan: FaultPlan) => Promise<boolean>;
  /** It is no longer among those standing. */
  readonly end: (one: Standing) => Promise<void>;
  /** A new process is told what still surrounds it. */
  readonly surround: (place: Place, url: string) => Promise<void>;
};

type Deps = {
  readonly clock: Clock;
  readonly rehearsal: Rehearsal;
  readonly door: FaultDoor;
  readonly standing: () => Iterable<Standing>;
};

export const breaking = (deps: Deps): Breaking => {
  const { rehearsal, door } = deps;
  const placesOf = (ids: Iterable<string>): readonly Place[] => {
    const wanted = new Set(ids);
    return rehearsal.places().filter(({ id }) => wanted.has(id));
  };

  const begin: Breaking["begin"] = async ({ service, kind, share }, plan) => {
    const { means, instances } = plan;
    switch (means.by) {
      case "signal":
        for (const place of placesOf(instances)) place.signal(means.signal);
        return true;
      case "version":
        rehearsal.spoil(service, instances);
        return true;
      case "region":
        for (const one of means.services) rehearsal.hold(one, means.region, "its region is lost");
        return true;
      case "process": {
        const places = placesOf(instances);
        const fault = { kind, forMs: plan.forMs ?? 0, ...(share === undefined ? {} : { share }) };
        const done = await Promise.all(
          places.map(async (place) => {
            const url = place.url();
            return url !== null && (await door.inject(url, fault));
          }),
        );
        if (done.every(Boolean)) return true;
        await cleanse(deps, places);
        return false;
      }
    }
  };

  const end: Breaking["end"] = async ({ means, request, instances }) => {
    const places = placesOf(instances);
    switch (means.by) {
      case "signal":
        for (const place of places) {
          // Harmless for those that do not hang.
          place.signal("SIGCONT");
          // Given up because of what is over now.
          if (place.life().phase.name === "quarantined") place.send({ kind: "release" });
        }
        return;
      case "version":
        return rehearsal.spoil(request.service, []);
      case "region":
        for (const service of means.services) rehearsal.release(service, means.region);
        return;
      case "process":
        return cleanse(deps, places);
    }
  };

  return {
    begin,
    end,
    surround: (place, url) =>
      applyAgain(deps, place, url, ({ request }) => outlivesProcess(request.kind)),
  };
};

/** Without the faults that are not in force (any more). */
const cleanse = async (deps: Deps, places: readonly Place[]): Promise<void> => {
  await Promise.all(
    places.map(async (place) => {
      const url = place.url();
      if (url === null) return;
      if (await deps.door.lift(url)) return applyAgain(deps, place, url, () => true);
      if (place.url() === url) place.send({ kind: "kill", why: "its fault could not be lifted" });
    }),
  );
};

const applyAgain = async (
  deps: Deps,
  place: Place,
  url: string,
  isWanted: (one: Standing) => boolean,
): Promise<void> => {
  for (const one of deps.standing()) {
    const { means, request, untilMs } = one;
    const forMs = untilMs - deps.clock.now();
    if (means.by !== "process" || forMs <= 0) continue;
    if (!one.instances.has(place.id) || !isWanted(one)) continue;
    const { share, kind } = request;
    await deps.door.inject(url, { kind, forMs, ...(share === undefined ? {} : { share }) });
  }
};
