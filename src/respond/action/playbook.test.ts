/** The mildest action whose preconditions hold, from the customer's own plan. */
import { expect, test } from "vitest";
import { novaevoText, planOf } from "../../../test/plan/small-plan.ts";
import { choose, inOrder, otherwiseOf, type Context } from "./playbook.ts";
import type { Change, Observed, Replica } from "./port.ts";
import { effect, isInPlace, isOrdinary, targetOf, type Trigger } from "./run.ts";

const { plan } = planOf(novaevoText);
const replica = (id: string, state: Replica["state"] = "ready"): Replica => {
  const [service = "", region = ""] = id.split(".");
  return { id, service, region, state, cpu: 0.9, memory: 0.5, restarts: 0, version: "2" };
};
const SERVICES = ["obd2", "parts-finder", "kbis"];
const healthy = SERVICES.flatMap((id) => ["paris", "lyon"].map((at) => replica(`${id}.${at}.1`)));
const seen = (more: Partial<Observed> = {}): Observed => ({
  atMs: 0,
  pools: SERVICES.flatMap((service) =>
    ["paris", "lyon"].map((region) => ({ service, region, replicas: 1, min: 1, max: 2 })),
  ),
  replicas: healthy,
  inForce: [],
  ...more,
});
const trigger = (rule: string, more: Partial<Trigger> = {}): Trigger => ({
  ...{ kind: "rule", alert: 1, rule, service: "parts-finder", region: null, instance: null },
  ...{ text: { fr: "x", en: "x" }, detectedAtMs: 0, evidence: {} },
  ...more,
});
const context = (by: Trigger, observed = seen(), more: Partial<Context> = {}): Context => ({
  trigger: by,
  service: plan.services.find(({ id }) => id === by.service) ?? null,
  services: plan.services,
  observed,
  ...{ excess: 1.2, use: 0.95, troubled: 1 },
  previousVersion: () => null,
  failover: {
    ...{ regions: ["paris", "lyon"], pools: observed.pools, replicas: observed.replicas },
    ...{ scaling: new Map(), offeredPerS: () => null },
  },
  tried: new Set(),
  ...more,
});
const chosen = (given: Context): readonly string[] =>
  choose(plan.playbooks, given).choices.map(({ playbook }) => playbook.id);
const down = [replica("parts-finder.paris.1", "unhealthy"), ...healthy.slice(3)];
const shed: Change = { kind: "shed", level: 2 };

test("the plan's playbooks stand from mild to severe", () => {
  expect(inOrder(plan.playbooks).map(({ id }) => id)).toEqual([
    ...["self-healing", "circuit-breaker", "fallback", "auto-scaling", "throttling"],
    ...["limit-non-essential", "waiting-queue", "premium-priority", "version-rollback"],
    "region-failover",
  ]);
});

test.each<{ title: string; given: Context; first: readonly string[] }>([
  {
    title: "a stopped instance is restarted, and the backup is next",
    given: context(trigger("service-down"), seen({ replicas: down })),
    first: ["self-healing", "fallback"],
  },
  {
    title: "errors open the circuit, then the backup answers",
    given: context(trigger("service-errors")),
    first: ["circuit-breaker", "fallback"],
  },
  {
    title: "errors that came with a version go with it, when milder things did not help",
    given: context(trigger("service-errors"), seen(), {
      previousVersion: () => "1",
      tried: new Set(["circuit-breaker", "fallback"]),
    }),
    first: ["version-rollback"],
  },
  {
    title: "load adds an instance before it limits anybody",
    given: context(trigger("service-cpu-load")),
    first: ["auto-scaling", "throttling", "limit-non-essential"],
  },
  {
    title: "load beyond the greatest number limits traffic",
    given: context(
      trigger("service-cpu-load"),
      seen({ pools: seen().pools.map((pool) => ({ ...pool, max: 1 })) }),
    ),
    first: ["throttling", "limit-non-essential"],
  },
  {
    title: "the door closes only when what is not essential is shed",
    given: context(trigger("service-latency"), seen({ inForce: [shed] })),
    first: ["auto-scaling", "throttling", "waiting-queue", "premium-priority"],
  },
  {
    title: "a critical service without a backup keeps its circuit closed",
    given: context(trigger("service-errors", { service: "obd2" })),
    first: [],
  },
  {
    title: "a lost region moves over",
    given: context(
      trigger("region-down", { service: null, region: "paris" }),
      seen({ replicas: healthy.filter(({ region }) => region === "lyon") }),
    ),
    first: ["region-failover"],
  },
  {
    title: "one slow service without demand closes nothing for everybody",
    given: context(trigger("service-latency"), seen({ inForce: [shed] }), { use: 0.2 }),
    first: ["auto-scaling", "throttling"],
  },
  {
    title: "a service that is in nobody's hands is left alone",
    given: context(trigger("service-latency", { service: "novaevo-hub" })),
    first: [],
  },
  { title: "nothing answers a rule no playbook names", given: context(trigger("x")), first: [] },
])("$title", ({ given, first }) => {
  expect(chosen(given)).toEqual(first);
});

test("what is passed over says why, in words", () => {
  const { passedOver } = choose(
    plan.playbooks,
    context(trigger("service-errors", { service: "obd2" })),
  );
  expect(passedOver.map(({ playbook, why }) => [playbook, why.en])).toEqual([
    ["circuit-breaker", "The caller has no degraded answer"],
    ["fallback", "There is no backup"],
    ["version-rollback", "The previous version is unknown"],
  ]);
});

test("the first choice says what it changes, where, and how it will be seen", () => {
  const given = context(trigger("service-down"), seen({ replicas: down }));
  expect(choose(plan.playbooks, given).choices[0]).toMatchObject({
    target: "instance:parts-finder.paris.1",
    instances: ["parts-finder.paris.1"],
    changes: [{ kind: "restart", service: "parts-finder", instance: "parts-finder.paris.1" }],
    verification: { kind: "rule", rule: "service-down", service: "parts-finder" },
  });
  expect([otherwiseOf("scale_out"), otherwiseOf("throttle")]).toEqual(["keep", "undo"]);
});

const up: Change = { kind: "scale", service: "kbis", region: "paris", replicas: 2 };
const throttle: Change = { kind: "throttle", service: "kbis", ratePerS: 2, burst: 1 };
const route: Change = { kind: "route", service: null, weights: { paris: 0, lyon: 100 } };
const grown = seen({
  pools: [{ service: "kbis", region: "paris", replicas: 2, min: 1, max: 4 }],
});
const begun: Change = { kind: "restart", service: "kbis", instance: "kbis.paris.1" };

test.each<{ change: Change; observed: Observed; there: boolean | null; effect: string }>([
  { change: up, observed: seen(), there: false, effect: "breach" },
  { change: up, observed: grown, there: true, effect: "breach" },
  {
    change: up,
    observed: { ...grown, replicas: [...healthy, replica("kbis.paris.2")] },
    there: true,
    effect: "clear",
  },
  { change: { ...up, service: "gone" }, observed: seen(), there: null, effect: "unknown" },
  { change: begun, observed: seen(), there: false, effect: "breach" },
  {
    change: begun,
    observed: seen({ replicas: [{ ...replica("kbis.paris.1"), restarts: 1 }] }),
    there: true,
    effect: "clear",
  },
  { change: throttle, observed: seen(), there: false, effect: "breach" },
  { change: throttle, observed: seen({ inForce: [throttle] }), there: true, effect: "clear" },
  { change: { ...throttle, ratePerS: null }, observed: seen(), there: true, effect: "clear" },
  { change: route, observed: seen({ inForce: [route] }), there: true, effect: "clear" },
  {
    change: { kind: "version", service: "kbis", version: "2" },
    observed: seen(),
    there: true,
    effect: "clear",
  },
])("$change.kind is seen: $there, $effect", ({ change, observed, there, effect: said }) => {
  expect(isInPlace(change, observed, 0)).toBe(there);
  expect(effect({ change, undo: null, effect: "", restartsBefore: 0 }, observed)).toBe(said);
});

test("a restart nobody counted before cannot be told from none", () => {
  expect(isInPlace(begun, seen(), null)).toBeNull();
  expect([targetOf(begun), isOrdinary(route)]).toEqual(["instance:kbis.paris.1", false]);
});
