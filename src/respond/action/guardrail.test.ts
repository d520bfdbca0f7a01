/** Each guard says no with its name and figures, and a control shows what lets it pass. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { guard, isFlapping, isStormy, type Asked, type Past, type World } from "./guardrail.ts";
import type { Change, Observed, Replica } from "./port.ts";

const NOW = 10_000_000;
const replica = (n: number, state: Replica["state"] = "ready", service = "obd2"): Replica => ({
  ...{ id: `${service}.paris.${n}`, service, region: "paris", state },
  ...{ cpu: 0.5, memory: 0.5, restarts: 0, version: "1" },
});
const observed = (replicas: readonly Replica[], min = 1): Observed => ({
  atMs: NOW,
  pools: [{ service: "obd2", region: "paris", replicas: replicas.length, min, max: 8 }],
  replicas,
  inForce: [],
});
const restart: Change = { kind: "restart", service: "obd2", instance: "obd2.paris.1" };
const asked = (more: Partial<Asked> = {}): Asked => ({
  ...{ playbook: "self-healing", change: restart, target: "instance:obd2.paris.1" },
  ...{ direction: null, instances: ["obd2.paris.1"], cooldownMs: 60_000, maxInstancesShare: 0.34 },
  ...{ maxServices: 1, needsApproval: false, isApproved: false, isHuman: false },
  ...more,
});
const world = (more: Partial<World> = {}): World => ({
  ...{ nowMs: NOW, past: [], isSwitchedOn: true, isStorm: false, frozenUntilMs: () => null },
  observed: observed([1, 2, 3, 4].map((n) => replica(n))),
  ...more,
});
const past = (more: Partial<Past> = {}): Past => ({
  ...{
    playbook: "self-healing",
    target: "instance:obd2.paris.2",
    service: "obd2",
    region: "paris",
  },
  ...{ origin: "automatic", change: restart, direction: null, instances: 1 },
  ...{ life: { state: "verified" }, startedAtMs: NOW - 300_000, proposedAtMs: NOW - 300_000 },
  ...more,
});
const scale = (replicas: number): Partial<Asked> => ({
  change: { kind: "scale", service: "obd2", region: "paris", replicas },
  ...{ target: "replicas:obd2@paris", instances: [], playbook: "auto-scaling" },
});
const many = (count: number, more: Partial<Past>): Past[] =>
  Array.from({ length: count }, () => past(more));
const elsewhere = { service: "nlp", target: "instance:nlp.paris.1" };

test.each<{ guard: string; asks?: Partial<Asked>; in?: Partial<World>; figures?: object }>([
  { guard: "kill_switch", in: { isSwitchedOn: false } },
  { guard: "missing_data", in: { observed: null } },
  {
    guard: "missing_data",
    in: { observed: { ...observed([replica(1)]), atMs: NOW - 11_000 } },
    figures: { ageMs: 11_000 },
  },
  { guard: "frozen", in: { frozenUntilMs: () => NOW + 5_000 }, figures: { leftMs: 5_000 } },
  {
    guard: "one_per_target",
    in: { past: [past({ target: "instance:obd2.paris.1", life: { state: "verifying" } })] },
  },
  {
    guard: "one_per_target",
    in: { past: [past({ target: "fallback:obd2", life: { state: "running" } })] },
  },
  { guard: "storm", in: { isStorm: true } },
  { guard: "rate", in: { past: many(6, {}) }, figures: { count: 6, limit: 6 } },
  { guard: "rate", in: { past: many(20, elsewhere) }, figures: { count: 20, limit: 20 } },
  {
    guard: "cooldown",
    in: { past: [past({ target: "instance:obd2.paris.1", startedAtMs: NOW - 59_000 })] },
    figures: { leftMs: 1_000 },
  },
  {
    guard: "cooldown",
    asks: { ...scale(5), direction: "up" },
    in: {
      past: [past({ target: "replicas:obd2@paris", direction: "up", startedAtMs: NOW - 14_000 })],
    },
    figures: { leftMs: 1_000, ownMs: 15_000 },
  },
  {
    guard: "cooldown",
    asks: { ...scale(3), direction: "down" },
    in: {
      past: [past({ target: "replicas:obd2@paris", direction: "up", startedAtMs: NOW - 200_000 })],
    },
    figures: { leftMs: 100_000 },
  },
  {
    guard: "blast_radius",
    in: { past: [past({ ...elsewhere, playbook: "other", life: { state: "running" } })] },
    figures: { held: 1, wanted: 1, fleet: 4, limit: 1 },
  },
  {
    guard: "blast_radius",
    asks: { instances: [], playbook: "fallback" },
    in: {
      past: [
        past({ ...elsewhere, playbook: "fallback", instances: 0, life: { state: "running" } }),
      ],
    },
    figures: { services: 1, limit: 1 },
  },
  { guard: "min_healthy", in: { observed: observed([replica(1)]) }, figures: { remain: 0 } },
  {
    guard: "min_healthy",
    in: {
      observed: observed([
        replica(1),
        replica(2),
        ...[3, 4].map((n) => replica(n, "unhealthy", "nlp")),
      ]),
    },
    asks: { instances: ["obd2.paris.1", "obd2.paris.2"], maxInstancesShare: 1, isHuman: true },
    figures: { remain: 0 },
  },
  {
    guard: "min_healthy",
    asks: { ...scale(1), direction: "down" },
    in: { observed: observed([replica(1), replica(2), replica(3)], 2) },
    figures: { remain: 1, floor: 2 },
  },
])("$guard refuses", ({ guard: name, asks, in: given, figures = {} }) => {
  const answer = guard(asked(asks), world(given));
  expect(answer.ok ? "allowed" : answer.refused).toMatchObject({ guard: name, figures });
});

test.each<{ title: string; asks?: Partial<Asked>; in?: Partial<World> }>([
  { title: "a restart of one in four" },
  { title: "what is over", in: { past: [past({ target: "instance:obd2.paris.1" })] } },
  {
    title: "the restart of an ill one, though it is the only one",
    in: { observed: observed([replica(1, "unhealthy")]) },
  },
  {
    title: "growing while the service is being repaired",
    asks: { ...scale(5), direction: "up" },
    in: { past: [past({ life: { state: "verifying" } })] },
  },
  {
    title: "shrinking to what the plan calls the least",
    asks: { ...scale(1), direction: "down" },
    in: { observed: observed([replica(1), replica(2)], 1) },
  },
  { title: "any number of reflexes before", in: { past: many(30, { origin: "reflex" }) } },
  {
    title: "a person, in a storm with everything switched off",
    asks: { isHuman: true },
    in: { isStorm: true, isSwitchedOn: false, past: many(30, {}) },
  },
  {
    title: "what was approved, beyond the budget of reach",
    asks: { isApproved: true, needsApproval: true },
    in: { past: [past({ ...elsewhere, life: { state: "running" } })] },
  },
])("control: nothing stops $title", ({ asks, in: given }) => {
  expect(guard(asked(asks), world(given))).toEqual({ ok: true, needsApproval: false });
});

test("what the plan calls risky is allowed after approval only", () => {
  const answer = guard(asked({ needsApproval: true }), world());
  expect(answer).toEqual({ ok: true, needsApproval: true });
});

test("a storm begins with ten in a minute and ends below three", () => {
  const at = (count: number): number[] => Array.from({ length: count }, () => NOW - 1_000);
  expect([9, 10].map((count) => isStormy(false, at(count), NOW))).toEqual([false, true]);
  expect([3, 2].map((count) => isStormy(true, at(count), NOW))).toEqual([true, false]);
  expect(isStormy(false, [...at(9), NOW - 61_000], NOW)).toBe(false);
});

test("three changes of direction in ten minutes are flapping, two are not", () => {
  const turns = (...directions: ("up" | "down")[]): Past[] =>
    directions.map((direction, i) =>
      past({ target: "t", direction, startedAtMs: NOW - 590_000 + i * 1_000 }),
    );
  expect(isFlapping(turns("up", "down", "up"), "t", NOW)).toBe(false);
  expect(isFlapping(turns("up", "down", "up", "down"), "t", NOW)).toBe(true);
  expect(isFlapping(turns("up", "down", "up", "down"), "other", NOW)).toBe(false);
  expect(isFlapping(turns("up", "down", "up", "down"), "t", NOW + 600_000)).toBe(false);
});

test("law: whatever the past, no more than a quarter of the fleet is in hands at once", () => {
  const fleet = fc.integer({ min: 4, max: 40 });
  fc.assert(
    fc.property(fleet, fc.nat(20), (size, held) => {
      const replicas = Array.from({ length: size }, (_, i) => replica(i + 1));
      const open = past({
        ...elsewhere,
        playbook: "p",
        instances: held,
        life: { state: "running" },
      });
      const answer = guard(asked(), world({ observed: observed(replicas), past: [open] }));
      expect(answer.ok && held + 1 > Math.max(1, size / 4)).toBe(false);
    }),
  );
});
