import { describe, expect, test } from "vitest";
import { observeHost, type HostLook } from "./host.ts";
import { sampler } from "./observation.ts";

const GIB = 1024 ** 3;
const NO_LIMIT = {
  cpuCores: undefined,
  cpuUsedSeconds: undefined,
  memoryLimitBytes: undefined,
  memoryUsedBytes: undefined,
};
const times = (busy: number, idle: number) => ({
  cpus: 2,
  seconds: { user: busy, nice: 0, system: 0, idle, iowait: 0, irq: 0, softirq: 0, steal: 0 },
});
const look = (atMs: number, more: Partial<HostLook> = {}): HostLook => ({
  atMs,
  cpu: times(0, 0),
  load: [1, 2, 3],
  memory: {
    totalBytes: 8 * GIB,
    freeBytes: GIB,
    availableBytes: 6 * GIB,
    buffersBytes: 0,
    cachedBytes: 0,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
  },
  allowance: NO_LIMIT,
  disks: [],
  networks: [],
  fileSystems: [],
  processes: [],
  ...more,
});

/** Samples by name and labels, as Prometheus would show them. */
const seen = (before: HostLook | undefined, now: HostLook): ReadonlyMap<string, number> =>
  new Map(
    sampler({ host: "h" })(observeHost(before, now)).map(({ series, value }) => {
      const { __name__: name, host, ...labels } = Object.fromEntries(series.labels);
      expect(host).toBe("h");
      const text = Object.entries(labels).map(([key, v]) => `${key}="${v}"`);
      return [`${name}{${text.join(",")}}`, value];
    }),
  );

describe("CPU", () => {
  const CPU = "system_cpu_utilization_ratio{}";
  test("is the busy share between two looks, unknown at the first", () => {
    const [before, now] = [look(0), look(1_000, { cpu: times(1.5, 0.5) })];
    expect(seen(before, now).get(CPU)).toBe(0.75);
    expect(seen(undefined, now).has(CPU)).toBe(false);
  });

  test("of a container is a share of its limit", () => {
    const used = (cpuUsedSeconds: number) => ({ ...NO_LIMIT, cpuCores: 0.5, cpuUsedSeconds });
    const before = look(0, { allowance: used(10) });
    const now = look(2_000, { allowance: used(10.8), cpu: times(0, 4) });
    expect(seen(before, now).get(CPU)).toBeCloseTo(0.8);
    expect(seen(before, now).get("system_cpu_limit{}")).toBe(0.5);
  });

  test("is unknown, not the machine's, where the container's use cannot be read", () => {
    const allowance = { ...NO_LIMIT, cpuCores: 0.5 };
    const now = look(1_000, { allowance, cpu: times(1, 1) });
    expect(seen(look(0, { allowance }), now).has(CPU)).toBe(false);
  });

  test("stays between 0 and 1 when counters go back", () => {
    expect(seen(look(0, { cpu: times(9, 0) }), look(1_000, { cpu: times(8, 5) })).get(CPU)).toBe(0);
  });
});

describe("memory", () => {
  test("is what is not available", () => {
    const found = seen(undefined, look(0));
    expect(found.get("system_memory_utilization_ratio{}")).toBe(0.25);
    expect(found.get('system_memory_usage_bytes{state="used"}')).toBe(2 * GIB);
    // Without swap its share is unknown.
    expect(found.has("system_paging_utilization_ratio{}")).toBe(false);
  });

  test("of a container is a share of its limit", () => {
    const allowance = { ...NO_LIMIT, memoryLimitBytes: GIB, memoryUsedBytes: GIB / 2 };
    const found = seen(undefined, look(0, { allowance }));
    expect(found.get("system_memory_utilization_ratio{}")).toBe(0.5);
    expect(found.get("system_memory_limit_bytes{}")).toBe(GIB);
  });
});

describe("network", () => {
  const at = (bytes: number, bitsPerSecond?: number) => ({
    device: "eth0",
    receive: { bytes, packets: 0, errors: 0, dropped: 0 },
    transmit: { bytes: 0, packets: 0, errors: 0, dropped: 0 },
    ...(bitsPerSecond === undefined ? {} : { bitsPerSecond }),
  });
  const NAME = 'system_network_utilization_ratio{device="eth0"}';

  test("is the busier direction's share of the line, unknown where the line's speed is", () => {
    const [before, now] = [[at(0, 1e6)], [at(62_500, 1e6)]];
    expect(seen(look(0, { networks: before }), look(1_000, { networks: now })).get(NAME)).toBe(0.5);
    const unknown = seen(look(0, { networks: [at(0)] }), look(1_000, { networks: [at(9)] }));
    expect(unknown.has(NAME)).toBe(false);
  });
});

test("a file system's share leaves out what is kept for root", () => {
  const disk = { device: "d", mountpoint: "/", type: "ext4" };
  const sizes = { totalBytes: 100, freeBytes: 50, availableBytes: 40 };
  const found = seen(undefined, look(0, { fileSystems: [{ ...disk, ...sizes }] }));
  const labels = 'device="d",mountpoint="/"';
  expect(found.get(`system_filesystem_utilization_ratio{${labels},type="ext4"}`)).toBeCloseTo(
    5 / 9,
  );
  expect(found.get(`system_filesystem_usage_bytes{${labels},state="reserved",type="ext4"}`)).toBe(
    10,
  );
});

describe("a named process", () => {
  const one = { name: "hub", service: "novaevo-hub", saysUp: true };
  const at = (identity: string, cpuSeconds: number) => ({
    ...one,
    running: { identity, cpuSeconds, memoryBytes: 2 * GIB },
  });
  const LABELS = '{process="hub",service="novaevo-hub"}';
  const UP = 'up{job="process",process="hub",service="novaevo-hub"}';

  test("says what the services' page asks: up, CPU and memory as shares", () => {
    const before = look(0, { processes: [at("1:1", 5)] });
    const found = seen(before, look(1_000, { processes: [at("1:1", 6)] }));
    expect(found.get(UP)).toBe(1);
    expect(found.get(`process_cpu_utilization_ratio${LABELS}`)).toBe(0.5);
    expect(found.get(`process_memory_utilization_ratio${LABELS}`)).toBe(0.25);
    expect(found.get(`process_memory_usage_bytes${LABELS}`)).toBe(2 * GIB);
  });

  test("that does not run is 0, and nothing else", () => {
    const found = seen(undefined, look(0, { processes: [one] }));
    expect([found.get(UP), found.get(`process_up${LABELS}`)]).toEqual([0, 0]);
    expect([...found.keys()].filter((key) => key.startsWith("process_"))).toHaveLength(1);
  });

  test("leaves `up` to whoever asks the service", () => {
    const found = seen(undefined, look(0, { processes: [{ ...at("1:1", 5), saysUp: false }] }));
    expect(found.has(UP)).toBe(false);
    expect(found.get(`process_up${LABELS}`)).toBe(1);
  });

  test("that was replaced has no CPU share until it was seen twice", () => {
    const before = look(0, { processes: [at("1:1", 5)] });
    const found = seen(before, look(1_000, { processes: [at("2:9", 1)] }));
    expect(found.has(`process_cpu_utilization_ratio${LABELS}`)).toBe(false);
  });
});
