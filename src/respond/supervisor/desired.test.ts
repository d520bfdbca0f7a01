import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { SupervisorOrder } from "../control/messages.ts";
import {
  decide,
  firstDesired,
  MEBIBYTE,
  reconciled,
  type ServiceDesired,
  type ServiceSettings,
} from "./desired.ts";

const SETTINGS: ServiceSettings = {
  ...{ id: "nlp", version: "1", cpuCores: 1, maxCpuCores: 2 },
  memoryBytes: 256 * MEBIBYTE,
  minMemoryBytes: 96 * MEBIBYTE,
  maxMemoryBytes: 512 * MEBIBYTE,
  pools: [
    { region: "paris", replicas: 2, min: 1, max: 4 },
    { region: "lyon", replicas: 1, min: 1, max: 2 },
  ],
};
const LIVE = new Map([["nlp.paris.1", { service: "nlp", state: "ready" }]]);
const FIRST = firstDesired(SETTINGS);

const decided = (order: SupervisorOrder, desired: ServiceDesired = FIRST) =>
  decide(new Map([["nlp", { settings: SETTINGS, desired }]]), LIVE, order);

test.each<[string, SupervisorOrder, string, string]>([
  [
    "a service that is not ours",
    { kind: "scale", service: "obd2", region: "paris", replicas: 2 },
    "unknown_target",
    "order.service",
  ],
  [
    "a region it is not in",
    { kind: "scale", service: "nlp", region: "nice", replicas: 2 },
    "unknown_target",
    "order.region",
  ],
  [
    "an instance that is not there",
    { kind: "restart", instance: "nlp.paris.9" },
    "unknown_target",
    "order.instance",
  ],
  [
    "more than the pool's most",
    { kind: "scale", service: "nlp", region: "paris", replicas: 5 },
    "out_of_bounds",
    "order.replicas",
  ],
  [
    "less than its least",
    { kind: "scale", service: "nlp", region: "paris", replicas: 0 },
    "out_of_bounds",
    "order.replicas",
  ],
  [
    "more cores than the most",
    { kind: "bounds", service: "nlp", cpuCores: 3, memoryBytes: 256 * MEBIBYTE },
    "out_of_bounds",
    "order.cpuCores",
  ],
  [
    "memory that no process lives in",
    { kind: "bounds", service: "nlp", cpuCores: 1, memoryBytes: 1 },
    "out_of_bounds",
    "order.memoryBytes",
  ],
])("refused: %s", (_, order, code, field) => {
  const refused = decided(order);
  expect(refused).toMatchObject({ ok: false, error: { code, field } });
});

const anyOrder: fc.Arbitrary<SupervisorOrder> = fc.oneof(
  fc.record({
    kind: fc.constant("scale"),
    service: fc.constant("nlp"),
    region: fc.constantFrom("paris", "lyon"),
    replicas: fc.nat({ max: 6 }),
  }),
  fc.record({
    kind: fc.constant("version"),
    service: fc.constant("nlp"),
    version: fc.constantFrom("1", "2", "3"),
  }),
  fc.record({
    kind: fc.constant("bounds"),
    service: fc.constant("nlp"),
    cpuCores: fc.constantFrom(0.5, 1, 2, 3),
    memoryBytes: fc.constantFrom(64, 128, 256, 512, 1_024).map((mib) => mib * MEBIBYTE),
  }),
  fc.record({
    kind: fc.constantFrom("drain", "release"),
    instance: fc.constant("nlp.paris.1"),
  }),
) as fc.Arbitrary<SupervisorOrder>;

test("law: what an order's undo undoes is the order", () => {
  fc.assert(
    fc.property(fc.array(anyOrder, { maxLength: 8 }), anyOrder, (before, order) => {
      let desired = FIRST;
      for (const one of before) {
        const done = decided(one, desired);
        if (done.ok) desired = done.value.next;
      }
      const done = decided(order, desired);
      if (!done.ok || done.value.undo === null) return;
      const undone = decided(done.value.undo, done.value.next);
      expect(undone.ok && undone.value.next).toMatchObject({
        spec: desired.spec,
        replicas: desired.replicas,
        drained: desired.drained,
      });
    }),
  );
});

test("law: no row of orders leaves the bounds", () => {
  fc.assert(
    fc.property(fc.array(anyOrder, { maxLength: 20 }), (orders) => {
      let desired = FIRST;
      for (const one of orders) {
        const done = decided(one, desired);
        if (done.ok) desired = done.value.next;
      }
      for (const { region, min, max } of SETTINGS.pools) {
        expect(desired.replicas[region]).toBeGreaterThanOrEqual(min);
        expect(desired.replicas[region]).toBeLessThanOrEqual(max);
      }
      expect(desired.spec.cpuCores).toBeLessThanOrEqual(SETTINGS.maxCpuCores);
      expect(desired.spec.memoryBytes).toBeGreaterThanOrEqual(SETTINGS.minMemoryBytes);
      expect(desired.spec.memoryBytes).toBeLessThanOrEqual(SETTINGS.maxMemoryBytes);
      // What is in order stays as it is when it is read again.
      expect(reconciled(SETTINGS, desired)).toEqual(desired);
    }),
  );
});

test("a new version in the configuration overrules an order on the old one", () => {
  const ordered = decided({ kind: "version", service: "nlp", version: "7" });
  const kept = ordered.ok ? ordered.value.next : FIRST;
  expect(kept.spec.version).toBe("7");
  expect(reconciled(SETTINGS, kept).spec.version).toBe("7");
  expect(reconciled({ ...SETTINGS, version: "8" }, kept).spec.version).toBe("8");
  const narrow = [{ region: "paris", replicas: 1, min: 1, max: 1 }];
  expect(reconciled({ ...SETTINGS, pools: narrow }, kept).replicas).toEqual({ paris: 1 });
});
