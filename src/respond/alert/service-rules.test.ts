/** Rules of the customer's plan on services and regions. */
import { expect, test } from "vitest";
import { novaevoText, planOf } from "../../../test/plan/small-plan.ts";
import { regionLooks, serviceLooks, type ServiceSignals } from "./service-rules.ts";

const { plan } = planOf(novaevoText);
const signals = (more: Partial<ServiceSignals>): ReadonlyMap<string, ServiceSignals> =>
  new Map([["obd2", { up: 1, cpu: 0.2, memory: 0.2, errorRate: 0, latencyP95: 20, ...more }]]);
const said = (more: Partial<ServiceSignals>) =>
  Object.fromEntries(
    serviceLooks(plan, signals(more), 5).map(({ rule, signal }) => [rule, signal]),
  );
const well = {
  "service-cpu-load": "clear",
  "service-down": "clear",
  "service-errors": "clear",
  "service-latency": "clear",
};

test.each<{ more: Partial<ServiceSignals>; says: object }>([
  { more: {}, says: {} },
  { more: { cpu: 0.9 }, says: { "service-cpu-load": "breach" } },
  { more: { cpu: 0.82 }, says: { "service-cpu-load": "between" } },
  { more: { up: 0 }, says: { "service-down": "breach" } },
  { more: { errorRate: 0.01 }, says: { "service-errors": "breach" } },
  { more: { latencyP95: 201 }, says: { "service-latency": "breach" } },
  { more: { errorRate: 0.5, isThin: true }, says: { "service-errors": "between" } },
  { more: { cpu: 0.9, isThin: true }, says: { "service-cpu-load": "breach" } },
  { more: { latencyP95: null }, says: { "service-latency": "unknown" } },
  { more: { errorRate: Number.NaN }, says: { "service-errors": "unknown" } },
])("$more says $says", ({ more, says }) => {
  expect(said(more)).toEqual({ ...well, ...says });
});

test("a look says which service, in words, and who looks after it", () => {
  const [first] = serviceLooks(plan, signals({ cpu: 0.9 }), 5);
  expect(first).toMatchObject({
    ...{ fingerprint: "rule:service-cpu-load:obd2", service: "obd2", value: 0.9, unit: "ratio" },
    ...{ title: { en: "OBD-II Service · CPU load of a service" }, threshold: "CPU Load >85%" },
    life: { forMs: 5_000, keepForMs: 5_000 },
  });
  expect(first?.owner.en.length).toBeGreaterThan(2);
});

test("a service nobody measures has no looks; a region without a figure is unknown", () => {
  expect(serviceLooks(plan, new Map(), 5)).toEqual([]);
  const looks = regionLooks(plan, new Map([["paris", 0]]), 5);
  expect(looks.map(({ region, signal }) => [region, signal])).toEqual([
    ["paris", "breach"],
    ["lyon", "unknown"],
  ]);
});
