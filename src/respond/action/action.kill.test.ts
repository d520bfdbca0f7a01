/**
 * The hub ends at any of its calls, before or after its work, in the middle of an action. The next
 * one finds the action and verifies it or takes it back: it is never carried out a second time.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  actuatorOn,
  hurt,
  Killed,
  newFate,
  newWorld,
  openHub,
  pass,
  runsOf,
  T0,
  type Hub,
  type Time,
  type World,
} from "../../../test/respond/action-lab.ts";
import { testDb, type TestDb } from "../../../test/postgres.ts";
import type { RunState } from "./action.ts";
import { ActuatorFault, type Actuator } from "./port.ts";
import { targetOf } from "./run.ts";

type Story = {
  readonly title: string;
  readonly trouble: (world: World) => void;
  readonly seconds: number;
  /** What the right action does for the trouble. */
  readonly cure: (world: World, kind: string) => void;
};
const STORIES: readonly Story[] = [
  {
    title: "an instance is restarted",
    trouble: (world) => {
      world.replicas = world.replicas.map((one) =>
        one.service === "obd2" ? { ...one, state: "unhealthy" } : one,
      );
    },
    seconds: 9,
    cure: () => undefined,
  },
  {
    title: "a circuit is opened, and helps",
    trouble: (world) => hurt(world, "parts-finder", { errorRate: 0.5 }),
    seconds: 9,
    cure: (world) => hurt(world, "parts-finder", { errorRate: 0 }),
  },
  {
    title: "a circuit is opened, does not help, and goes back",
    trouble: (world) => hurt(world, "parts-finder", { errorRate: 0.5 }),
    seconds: 38,
    cure: () => undefined,
  },
];

let db: TestDb;
beforeAll(async () => {
  db = await testDb();
});
afterAll(() => db.close());

const wipe = async (): Promise<void> => {
  await db.query(
    "TRUNCATE action_event, action_run, action_cursor, action_freeze, action_autonomy",
  );
  await db.query("DELETE FROM alert");
};

type Wrap = (one: Actuator, world: World) => Actuator;

const play = async (story: Story, killAt: number, wrap: Wrap = (one) => one) => {
  await wipe();
  const world = newWorld();
  const time: Time = { now: T0 };
  const actuator = actuatorOn(world, () => time.now);
  world.onChange = ({ kind }) => story.cure(world, kind);
  const fate = newFate(killAt);
  await live(async () => {
    const first = await openHub(db, world, time, { actuator, fate, epoch: 1 });
    await pass(first, time, 3);
    story.trouble(world);
    await pass(first, time, story.seconds);
  });
  time.now += 3_000;
  const second: Hub = await openHub(db, world, time, { actuator: wrap(actuator, world), epoch: 2 });
  await pass(second, time, 130);
  return { world, runs: runsOf(second), wasKilled: fate.isDead() };
};

const live = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (fault) {
    if (!(fault instanceof Killed)) throw fault;
  }
};

/** Orders of one run that were carried out more than once, under whatever id. */
const repeats = ({ done }: World): readonly string[] => {
  const seen = new Map<string, number>();
  for (const { id, change } of done) {
    const key = `${/^run-\d+-\w+-\d+(-undo)?/.exec(id)?.[0] ?? id} ${JSON.stringify(change)}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return [...seen].filter(([, count]) => count > 1).map(([key]) => key);
};

const OVER = new Set<RunState>(["verified", "rolled_back", "escalated", "not_executed"]);

test.each(STORIES)(
  "$title: the hub ends at any call",
  async (story) => {
    let kills = 0;
    for (let at = 0; ; at += 1) {
      const { world, runs, wasKilled } = await play(story, at);
      if (!wasKilled) break;
      kills += 1;
      expect([at, repeats(world)]).toEqual([at, []]);
      expect([at, runs.filter(({ state }) => !OVER.has(state))]).toEqual([at, []]);
      // What was taken back is not there, what is there was seen to help.
      const there = world.inForce.map((one) => targetOf(one));
      const left = runs.filter(
        ({ target, state }) => there.includes(target) && state !== "verified",
      );
      expect([at, left]).toEqual([at, []]);
    }
    expect(kills).toBeGreaterThan(20);
  },
  180_000,
);

test("control: whoever repeats blindly, under a new id, is found out", async () => {
  const [story] = STORIES.slice(1);
  if (story === undefined) throw new Error("no story");
  const found: string[] = [];
  let wasKilled = true;
  for (let at = 0; wasKilled && found.length === 0; at += 1) {
    let again = 0;
    const played = await play(story, at, (one, world) => ({
      ...one,
      // As a hub would that knows its runs and not its orders: it cannot say what it has done.
      observe: async () => {
        const seen = await one.observe();
        for (const { id, change } of [...world.done]) {
          if (again > 0 || id.includes("undo")) continue;
          again += 1;
          await one.apply({ id: `${id}-again`, epoch: 2, change, untilMs: null });
        }
        return seen;
      },
    }));
    ({ wasKilled } = played);
    found.push(...repeats(played.world));
  }
  expect(found.length).toBeGreaterThan(0);
}, 60_000);

test("an order that nobody answered for is asked again under its id, and carried out once", async () => {
  await wipe();
  const world = newWorld();
  const time: Time = { now: T0 };
  const hub = await openHub(db, world, time, { actuator: actuatorOn(world, () => time.now) });
  await pass(hub, time, 3);
  hurt(world, "parts-finder", { errorRate: 0.5 });
  world.fault = { code: "unavailable", isDone: true };
  await pass(hub, time, 5);
  expect(runsOf(hub)).toMatchObject([{ state: "running" }]);
  world.fault = undefined;
  await pass(hub, time, 2);
  expect(runsOf(hub)).toMatchObject([{ state: "verifying" }]);
  expect([world.done.length, new Set(world.asked).size]).toEqual([1, 1]);
  expect(world.asked.length).toBeGreaterThan(1);
});

test("an order that is never answered is taken back at its deadline", async () => {
  await wipe();
  const world = newWorld();
  const time: Time = { now: T0 };
  const hub = await openHub(db, world, time, { actuator: actuatorOn(world, () => time.now) });
  await pass(hub, time, 3);
  hurt(world, "parts-finder", { errorRate: 0.5 });
  world.fault = { code: "unavailable", isDone: true };
  await pass(hub, time, 26);
  world.fault = undefined;
  await pass(hub, time, 8);
  expect(runsOf(hub)[0]).toMatchObject({ playbook: "circuit-breaker", state: "rolled_back" });
  expect(world.inForce.some(({ kind }) => kind === "circuit")).toBe(false);
});

test("a hub that was replaced changes nothing any more", async () => {
  await wipe();
  const world = newWorld();
  const time: Time = { now: T0 };
  const actuator = actuatorOn(world, () => time.now);
  await actuator.apply({
    ...{ id: "newer", epoch: 5, untilMs: null },
    change: { kind: "shed", level: 1 },
  });
  const hub = await openHub(db, world, time, { actuator, epoch: 4 });
  await pass(hub, time, 3);
  hurt(world, "parts-finder", { errorRate: 0.5 });
  await pass(hub, time, 6);
  expect(world.done).toHaveLength(1);
  expect(runsOf(hub)[0]).toMatchObject({ playbook: "circuit-breaker", state: "not_executed" });
  await expect(
    actuator.apply({ id: "x", epoch: 4, change: { kind: "shed", level: 0 }, untilMs: null }),
  ).rejects.toBeInstanceOf(ActuatorFault);
});
