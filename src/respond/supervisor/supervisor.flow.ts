/**
 * Runs the fleet's processes: starts what is wanted, watches it, takes orders, ends it all.
 *
 * Shape:  whatever changes in a service is looked at in the same turn of the event loop, and raises
 *         the revision that readers wait for. What is measured does not.
 * Units:  ms.
 */
import type { SupervisorState } from "../control/messages.ts";
import type { ServiceSettings } from "./desired.ts";
import { hasProcess } from "./instance.ts";
import { longPoll, type LongPoll } from "./long-poll.flow.ts";
import { measure } from "./measure.flow.ts";
import { takeOrders, type TakeOrder } from "./orders.flow.ts";
import type { Place } from "./place.flow.ts";
import { moveService, serviceOf, type Service, type ServiceDeps } from "./service.flow.ts";
import { stateNow } from "./view.flow.ts";

const LOOK_EVERY_MS = 1_000;
/** Each process drains within 6 s; what does not even end by SIGKILL is not waited for. */
const STOP_WITHIN_MS = 8_000;

export type SupervisorDeps = Omit<ServiceDeps, "onChange" | "onListening" | "onReady">;

/** What a rehearsal hears of the places. */
export type RehearsalWatch = Pick<ServiceDeps, "onListening" | "onReady" | "onEnd"> & {
  readonly onVersion: (service: string) => void;
};

export type Rehearsal = {
  readonly settings: readonly ServiceSettings[];
  readonly places: () => readonly Place[];
  readonly watch: (watch: RehearsalWatch) => void;
  /** Down at once, and held down until released. */
  readonly hold: (service: string, region: string, why: string) => void;
  readonly release: (service: string, region: string) => void;
  /** Instances that are to run a bad version; none: all run what is wanted. */
  readonly spoil: (service: string, instances: readonly string[]) => void;
};

export type Supervisor = {
  readonly state: () => SupervisorState;
  readonly poll: LongPoll;
  readonly order: TakeOrder;
  readonly rehearsal: Rehearsal;
  readonly stop: (why: string) => Promise<void>;
};

export const startSupervisor = (
  given: SupervisorDeps,
  settings: readonly ServiceSettings[],
): Supervisor => {
  const { clock, book } = given;
  const services = new Map(
    settings.map((one): [string, Service] => [one.id, serviceOf(book, one)]),
  );
  const poll = longPoll();
  // Above that of the life before: a reader that knows the old one is not kept waiting.
  let revision = clock.now();
  let isStopping = false;
  let watching: RehearsalWatch | undefined;
  const dirty = new Set<Service>();

  const moveAll = (): void => {
    const all = [...dirty];
    dirty.clear();
    if (isStopping) return;
    for (const service of all) moveService(deps, service);
  };
  const onChange = (service: Service): void => {
    revision += 1;
    if (dirty.size === 0) queueMicrotask(moveAll);
    dirty.add(service);
    poll.wake();
  };
  const deps: ServiceDeps = {
    ...given,
    onChange,
    onListening: (place, url) => watching?.onListening(place, url),
    onReady: (place) => watching?.onReady(place),
    onEnd: (place, pid) => {
      given.onEnd(place, pid);
      watching?.onEnd(place, pid);
    },
  };
  const places = (): readonly Place[] =>
    [...services.values()].flatMap((service) => service.places.values().toArray());
  const lookAtAll = (): void => {
    for (const place of places()) void measure(place, clock);
  };

  for (const service of services.values()) onChange(service);
  const looking = setInterval(lookAtAll, LOOK_EVERY_MS);
  return {
    state: () => stateNow(services, { epoch: book.epoch(), revision, by: given.cpu.by }),
    poll,
    order: takeOrders(
      {
        ...deps,
        onVersion: (service) => watching?.onVersion(service),
        isStopping: () => isStopping,
      },
      services,
    ),
    rehearsal: {
      ...{ settings, places },
      watch: (watch) => (watching = watch),
      ...breaking(services, onChange),
    },
    stop: async (why) => {
      isStopping = true;
      clearInterval(looking);
      for (const place of places()) place.send({ kind: "stop", why });
      const areGone = (): boolean => places().every((place) => !hasProcess(place.life()));
      await poll.until(areGone, STOP_WITHIN_MS, new AbortController().signal);
      for (const place of places()) place.close();
      poll.close();
    },
  };
};

const breaking = (
  services: ReadonlyMap<string, Service>,
  onChange: (service: Service) => void,
): Pick<Rehearsal, "hold" | "release" | "spoil"> => ({
  hold: (id, region, why) => {
    const service = services.get(id);
    if (service === undefined) return;
    service.held.add(region);
    for (const place of service.places.values()) {
      if (place.region === region) place.send({ kind: "hold", why });
    }
    onChange(service);
  },
  release: (id, region) => {
    const service = services.get(id);
    if (service?.held.delete(region) === true) onChange(service);
  },
  spoil: (id, instances) => {
    const service = services.get(id);
    if (service === undefined) return;
    service.spoilt = new Set(instances);
    onChange(service);
  },
});
