import { expect, test } from "vitest";
import { ok, type Result } from "../../kernel/result.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import { observeHost, type HostLook } from "../../watch/collect/host.ts";
import { sampler } from "../../watch/collect/observation.ts";
import { newRed } from "../../watch/intake/otlp/red.ts";
import { newServiceGraph } from "../../watch/intake/otlp/service-graph.ts";
import type { Span } from "../../watch/intake/otlp/span.ts";
import { evaluateInstant, evaluateRange, type Value } from "../../watch/signal/promql/evaluate.ts";
import { parsePromql } from "../../watch/signal/promql/parser.ts";
import type { Answer } from "../../watch/signal/signals.ts";
import { newWindow, type Window } from "../../watch/signal/window/window.ts";
import { openTabs, type TabDeps } from "./tabs.flow.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const SECOND_MS = 1_000;
const GIB = 1_024 ** 3;
const MIB = 1_024 ** 2;

const engine = () => {
  const window = newWindow({ retentionMs: Infinity });
  const put = (
    labels: readonly (readonly [string, string])[],
    atMs: number,
    value: number,
  ): void => {
    const ref = window.intern(labels.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (!ref.ok) throw new Error(ref.error.message);
    window.append(ref.value, atMs, value);
  };
  return { window, put };
};

const deps = (window: Window): TabDeps & { readonly asked: string[] } => {
  const asked: string[] = [];
  const answered = (expr: string, found: Result<Value, unknown>): Result<Answer> => {
    if (!found.ok) throw new Error(`${expr}: ${JSON.stringify(found.error)}`);
    return ok({ value: found.value, newestMs: null });
  };
  const parsed = (expr: string) => {
    asked.push(expr);
    const result = parsePromql(expr);
    if (!result.ok) throw new Error(`${expr}: ${result.error.message}`);
    return result.value;
  };
  return {
    asked,
    clock: { now: () => NOW, monotonic: () => 0 },
    applied: () => ({ plan: { kpis: [] } }) as unknown as AppliedPlan,
    signals: {
      queryMany: async (questions) =>
        questions.map(({ expr, timeMs }) =>
          answered(expr, evaluateInstant(parsed(expr), { timeMs }, window.select)),
        ),
      queryRange: async ({ expr, ...range }) =>
        answered(expr, evaluateRange(parsed(expr), range, window.select)),
    },
  };
};

const lookAt = (second: number): HostLook => ({
  atMs: second * SECOND_MS,
  cpu: {
    cpus: 2,
    seconds: {
      ...{ user: second / 2, nice: 0, system: 0, idle: (3 * second) / 2 },
      ...{ iowait: 0, irq: 0, softirq: 0, steal: 0 },
    },
  },
  load: [1.5, 1, 0.5],
  memory: {
    ...{ totalBytes: 8 * GIB, freeBytes: GIB, availableBytes: 6 * GIB },
    ...{ buffersBytes: 0, cachedBytes: 0, swapTotalBytes: 0, swapFreeBytes: 0 },
  },
  allowance: {
    ...{ cpuCores: undefined, cpuUsedSeconds: undefined },
    ...{ memoryLimitBytes: undefined, memoryUsedBytes: undefined },
  },
  disks: [
    {
      ...{ device: "vda", reads: second, readBytes: second * MIB, writes: second * 3 },
      ...{ writeBytes: second * 2 * MIB, ioSeconds: second / 4 },
    },
  ],
  networks: [
    {
      device: "eth0",
      bitsPerSecond: 8 * 100 * MIB,
      receive: { bytes: second * 10 * MIB, packets: second, errors: 0, dropped: second },
      transmit: { bytes: second * MIB, packets: second, errors: 0, dropped: 0 },
    },
    {
      device: "lo",
      receive: { bytes: second * GIB, packets: second, errors: 0, dropped: 0 },
      transmit: { bytes: second * GIB, packets: second, errors: 0, dropped: 0 },
    },
  ],
  fileSystems: [
    {
      ...{ device: "/dev/vda", mountpoint: "/", type: "ext4" },
      ...{ totalBytes: 100 * GIB, freeBytes: 25 * GIB, availableBytes: 25 * GIB },
    },
  ],
  processes: [],
});

/** Two minutes of a host, as its agent would send them. */
const watchedHost = (): Window => {
  const { window, put } = engine();
  const samples = sampler({ host: "web-1" });
  let before: HostLook | undefined;
  for (let second = 0; second <= 120; second += 5) {
    const now = lookAt(second);
    for (const { series, value } of samples(observeHost(before, now))) {
      put(series.labels, NOW - (120 - second) * SECOND_MS, value);
    }
    before = now;
  }
  return window;
};

test("what an agent measures becomes the tables of the infrastructure", async () => {
  const { hosts, fileSystems, disks, networks, why, cut } = await openTabs(
    deps(watchedHost()),
  ).infrastructure();
  expect([why, cut]).toEqual([null, []]);
  expect(hosts).toHaveLength(1);
  expect(hosts[0]).toMatchObject({ host: "web-1", cpu: 0.25, cores: 2, load: 1.5, storage: 0.75 });
  expect(hosts[0]).toMatchObject({ memory: 0.25, memoryUsedBytes: 2 * GIB });
  // The loopback device is no traffic of the machine with others.
  expect(hosts[0]?.receivePerSecond).toBeCloseTo(10 * MIB);
  expect(hosts[0]?.trend.cpu.at(-1)).toBe(0.25);
  expect(hosts[0]?.trend.cpu[0]).toBeNull();
  expect(fileSystems).toEqual([
    expect.objectContaining({ mountpoint: "/", used: 0.75, freeBytes: 25 * GIB }),
  ]);
  expect(disks[0]).toMatchObject({ device: "vda", busy: 0.25, operationsPerSecond: 4 });
  expect(disks[0]?.writePerSecond).toBeCloseTo(2 * MIB);
  expect(networks.map(({ device }) => device)).toEqual(["lo", "eth0"]);
  expect(networks[1]).toMatchObject({ droppedPerSecond: 1, errorsPerSecond: 0 });
  expect(networks[1]?.utilization).toBeCloseTo(0.1);
});

const span = (
  service: string,
  name: string,
  more: Partial<Span> & { readonly ms?: number; readonly route?: string } = {},
): Span => ({
  ...{ traceId: "0".repeat(31) + "1", spanId: "2".repeat(16), parentSpanId: "", traceState: "" },
  ...{ name, kind: "server", start: { ms: NOW, nsBeyond: 0 }, status: "unset", statusMessage: "" },
  durationNs: (more.ms ?? 10) * 1e6,
  resource: { serviceName: service, attributes: new Map() },
  scope: { name: "", version: "" },
  attributes: new Map(more.route === undefined ? [] : [["http.route", more.route]]),
  ...{ events: [], links: [], dropped: 0, cut: 0 },
  ...more,
});

/** Ten minutes of two services that speak, and of one that stopped half an hour ago. */
const tracedServices = (): Window => {
  const { window, put } = engine();
  const [red, graph] = [newRed(), newServiceGraph()];
  const emit = (atMs: number): void => {
    for (const one of [...red.emit(atMs), ...graph.emit(atMs)])
      put(one.labels, one.timeMs, one.value);
  };
  red.observe([span("billing", "POST /invoice", { route: "/invoice" })]);
  emit(NOW - 30 * 60 * SECOND_MS);
  for (let ago = 600; ago >= 0; ago -= 15) {
    const atMs = NOW - ago * SECOND_MS;
    const asks = span("shop", "call", { kind: "client", spanId: "3".repeat(16) });
    const answers = span("stock", "GET /items", {
      ...{ route: "/items", parentSpanId: asks.spanId, ms: 80, status: "error" },
    });
    const orders = span("shop", "POST /orders", { route: "/orders", ms: 20 });
    red.observe([asks, answers, orders, orders, orders]);
    graph.observe([asks, answers], atMs);
    emit(atMs);
  }
  return window;
};

test("what spans say becomes APIs, services, edges and transactions", async () => {
  const tabs = openTabs(deps(tracedServices()));
  const { apis, services, edges, transactions, hasSpans, why } = await tabs.application();
  expect([hasSpans, why]).toEqual([true, null]);
  const orders = apis.find(({ route }) => route === "/orders");
  expect(orders).toMatchObject({ service: "shop", errors: 0 });
  expect(orders?.rate).toBeCloseTo(3 / 15);
  expect(orders?.p99).toBeGreaterThan(0.01);
  expect(orders?.p99).toBeLessThanOrEqual(0.025);
  expect(apis.find(({ route }) => route === "/items")?.errors).toBe(1);
  expect(edges).toEqual([expect.objectContaining({ client: "shop", server: "stock", errors: 1 })]);
  expect(transactions[0]).toMatchObject({ service: "stock", name: "GET /items", kind: "server" });
  const states = Object.fromEntries(services.map(({ service, state }) => [service, state]));
  expect(states["shop"]).toBe("ok");
});

test("a service that fell silent is unknown, never ok", async () => {
  const { services } = await openTabs(deps(tracedServices())).application();
  const billing = services.find(({ service }) => service === "billing");
  expect(billing).toMatchObject({ state: "unknown", rate: 0, errors: null });
  expect(billing?.reason.fr).toContain("Aucun appel");
});

test("where nothing was measured there is nothing, and it says so", async () => {
  const tabs = openTabs(deps(engine().window));
  expect(await tabs.infrastructure()).toMatchObject({ why: "no_data", hosts: [] });
  expect(await tabs.application()).toMatchObject({ why: "no_data", hasSpans: false, apis: [] });
});

test("an engine that is being refilled is said to be, and is not taken for empty", async () => {
  const refilling = { ok: false, error: { code: "unavailable", message: "refilling" } } as const;
  const blind: TabDeps = {
    ...deps(engine().window),
    signals: {
      queryMany: async (questions) => questions.map(() => refilling),
      queryRange: async () => refilling,
    },
  };
  expect((await openTabs(blind).infrastructure()).why).toBe("refilling");
});

test("many who look cost one reading; time makes another", async () => {
  const own = deps(watchedHost());
  let monotonicMs = 0;
  const tabs = openTabs({ ...own, clock: { now: () => NOW, monotonic: () => monotonicMs } });
  await Promise.all([tabs.infrastructure(), tabs.infrastructure(), tabs.infrastructure()]);
  const once = own.asked.length;
  await tabs.infrastructure();
  expect(own.asked.length).toBe(once);
  monotonicMs = 2_000;
  await tabs.infrastructure();
  expect(own.asked.length).toBe(2 * once);
});
