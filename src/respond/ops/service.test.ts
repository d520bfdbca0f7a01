import { expect, test } from "vitest";
import { stateOf, type Signals } from "./service.ts";

const limits = { utilisation: 0.85, errorRate: 0.005, latencyP95Ms: 200 };
const healthy: Signals = { up: 1, cpu: 0.3, memory: 0.4, errorRate: 0, latencyP95Ms: 20 };

test.each<{ title: string; signals: Partial<Signals>; state: string }>([
  { title: "answers and is within its limits: ok", signals: {}, state: "ok" },
  { title: "says nothing: unknown, never ok", signals: { up: null }, state: "unknown" },
  {
    title: "is silent with a CPU known: still unknown",
    signals: { up: null, cpu: 0.1 },
    state: "unknown",
  },
  { title: "does not answer: down", signals: { up: 0 }, state: "down" },
  { title: "uses more than its share: degraded", signals: { cpu: 0.89 }, state: "degraded" },
  { title: "fails too often: degraded", signals: { errorRate: 0.006 }, state: "degraded" },
  { title: "is exactly at a limit: ok", signals: { cpu: 0.85 }, state: "ok" },
  {
    title: "has no CPU measured but answers: ok",
    signals: { cpu: null, memory: null },
    state: "ok",
  },
])("a service that $title", ({ signals, state }) => {
  expect(stateOf({ ...healthy, ...signals }, limits, []).state).toBe(state);
});

test("an alert that names the service comes first as the reason", () => {
  const words = { fr: "Latence", en: "Latency" };
  expect(stateOf({ ...healthy, cpu: 0.99 }, limits, [words])).toMatchObject({
    state: "degraded",
    reason: words,
  });
});
