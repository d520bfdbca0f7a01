/**
 * One place of a pool with its process: carries out what `instance.ts` decides.
 *
 * Shape:  everything that happens goes through `send`. A process that has been replaced is heard
 *         no more.
 * Units:  ms.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Started } from "./adapters/managed-process.ts";
import type { Spec } from "./desired.ts";
import {
  dueOf,
  step,
  unborn,
  type Answer,
  type Effect,
  type InstanceEvent,
  type Life,
} from "./instance.ts";
import type { Look, Use } from "./process-use.ts";
import type { Policy } from "./restart.ts";

export const PROBE_EVERY_MS = 500;
/** Who waits for a start is glad of each tenth. */
const PROBE_START_EVERY_MS = 50;

const UNMEASURED = { look: undefined, use: undefined, overs: 0 } as const;

export type PlaceAt = {
  readonly id: string;
  readonly service: string;
  readonly region: string;
  readonly nth: number;
};

export type PlaceDeps = {
  readonly clock: Clock;
  readonly dice: () => number;
  readonly policy: Policy;
  readonly spawn: (at: PlaceAt, spec: Spec) => Started;
  readonly probe: (url: string, isInDoubt: boolean) => Promise<Answer>;
  readonly say: (at: PlaceAt, said: Extract<Effect, { kind: "say" }>) => void;
  /** Something that others see is different. */
  readonly onChange: (place: Place) => void;
  /** A start that did not become ready. */
  readonly onFailedStart: (place: Place, why: string) => void;
  readonly onListening: (place: Place, url: string) => void;
  readonly onReady: (place: Place) => void;
  /** With the pid that was. */
  readonly onEnd: (place: Place, pid: number | undefined) => void;
};

export type Place = PlaceAt & {
  readonly send: (event: InstanceEvent) => void;
  readonly life: () => Life;
  /** Wall time. */
  readonly sinceMs: () => number;
  readonly pid: () => number | undefined;
  readonly url: () => string | null;
  readonly signal: (name: NodeJS.Signals) => void;
  /** What the next process is started with. */
  readonly assign: (spec: Spec) => void;
  readonly assigned: () => Spec;
  /** What the present one was started with. */
  readonly runs: () => Spec;
  /** What it measured last; kept here because it ends with the process. */
  readonly measured: { look: Look | undefined; use: Use | undefined; overs: number };
  readonly close: () => void;
};

type Running = {
  readonly started: Started;
  readonly spec: Spec;
  url: string | null;
  wake: () => void;
};

export const openPlace = (deps: PlaceDeps, at: PlaceAt, first: Spec): Place => {
  const { clock } = deps;
  let life = unborn(clock.monotonic());
  let sinceMs = clock.now();
  let spec = first;
  let running: Running | undefined;
  let due: NodeJS.Timeout | undefined;
  const advance = step(deps.policy);

  const launch = (): void => {
    Object.assign(place.measured, UNMEASURED);
    const started = deps.spawn(at, spec);
    const mine: Running = { started, spec, url: null, wake: () => undefined };
    running = mine;
    void started.listening.then((url) => {
      if (running !== mine) return;
      mine.url = url;
      deps.onListening(place, url);
      deps.onChange(place);
      void follow(deps, mine, {
        url,
        phase: () => (running === mine ? life.phase.name : "gone"),
        heard: (answer) => send({ kind: "probed", answer }),
      });
    });
    void started.ended.then((why) => {
      running = undefined;
      mine.wake();
      deps.onEnd(place, started.pid);
      send({ kind: "exited", why, dice: deps.dice() });
    });
  };

  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case "spawn":
        return launch();
      case "signal":
        return running?.started.signal(effect.signal);
      case "say":
        return deps.say(at, effect);
    }
  };

  const arm = (): void => {
    clearTimeout(due);
    const dueMs = dueOf(life);
    if (dueMs === null) return;
    due = setTimeout(() => send({ kind: "tick" }), Math.max(0, dueMs - clock.monotonic()));
  };

  const send = (event: InstanceEvent): void => {
    const before = life;
    const { life: next, effects } = advance(before, event, clock.monotonic());
    life = next;
    if (next.phase.name !== before.phase.name || effects.length > 0) sinceMs = clock.now();
    for (const effect of effects) carryOut(effect);
    // A timer may fire a moment early: it is armed again until its time has come.
    if (next.phase !== before.phase || event.kind === "tick") arm();
    if (before.phase.name === "starting" && isFailure(event, next)) {
      deps.onFailedStart(place, next.why ?? (event.kind === "exited" ? event.why : ""));
    }
    if (before.phase.name !== "ready" && next.phase.name === "ready") deps.onReady(place);
    if (isSeen(before, next) || effects.length > 0) deps.onChange(place);
  };

  const place: Place = {
    ...at,
    send,
    life: () => life,
    sinceMs: () => sinceMs,
    pid: () => running?.started.pid,
    url: () => running?.url ?? null,
    signal: (name) => running?.started.signal(name),
    assign: (next) => (spec = next),
    assigned: () => spec,
    runs: () => running?.spec ?? spec,
    measured: { ...UNMEASURED },
    close: () => clearTimeout(due),
  };
  return place;
};

/** Health checks, as long as this process is the one. */
const follow = async (
  deps: Pick<PlaceDeps, "clock" | "probe">,
  mine: Running,
  place: {
    readonly url: string;
    readonly phase: () => Life["phase"]["name"] | "gone";
    readonly heard: (answer: Answer) => void;
  },
): Promise<void> => {
  let isInDoubt = false;
  while (place.phase() !== "gone" && place.phase() !== "draining") {
    const beganMs = deps.clock.monotonic();
    const answer = await deps.probe(place.url, isInDoubt);
    if (place.phase() === "gone") return;
    isInDoubt = answer.ready === "silent";
    place.heard(answer);
    const everyMs = place.phase() === "starting" ? PROBE_START_EVERY_MS : PROBE_EVERY_MS;
    await pause(mine, everyMs - (deps.clock.monotonic() - beganMs));
  }
};

const isFailure = (event: InstanceEvent, next: Life): boolean =>
  event.kind === "exited" || next.phase.name === "unhealthy";

const isSeen = (before: Life, next: Life): boolean =>
  before.phase.name !== next.phase.name || before.why !== next.why;

/** Until the time is over, or the process is. */
const pause = (mine: Running, forMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, forMs));
    mine.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
