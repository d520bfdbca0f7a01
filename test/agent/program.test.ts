/** The program: what it is told, how it starts and stops, and what it does not load. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setImmediate as immediate } from "node:timers/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSegmentLog } from "../../src/io/log/segment-log.ts";
import { parseAgentConfig, type AgentSettings } from "../../src/programs/agent-config.ts";
import { agentSettings } from "../../src/programs/agent-settings.ts";
import { loadConfig } from "../../src/programs/config.ts";
import { agentProcess } from "./process.ts";
import { fakeHub, type FakeHub } from "./fake-hub.ts";
import { closedPort, httpTarget } from "./target.ts";

const CONFIG = {
  agentId: "a1",
  hubUrl: "http://127.0.0.1:4600",
  tokenFile: "/nowhere/token",
  dataDir: "/nowhere/data",
  host: "h",
} satisfies AgentSettings;
const SECRET = { username: "u", passwordFile: "/p" };
/** `up` kills after this. */
const GRACE_MS = 2_500;

const faultsOf = (more: object): readonly string[] => {
  const parsed = parseAgentConfig({ ...CONFIG, ...more });
  return parsed.ok ? [] : parsed.error;
};

describe("the configuration", () => {
  test.each<[string, object, string]>([
    ["an unknown key", { bogus: 1 }, 'Unrecognized key: "bogus"'],
    ["a bad id", { agentId: "a b" }, "agentId: 1 to 64 letters"],
    ["no http address", { hubUrl: "ftp://h/" }, "hubUrl: not an http(s) address"],
    ["an interval of nothing", { intervalMs: 0 }, "intervalMs: "],
    ["a buffer of nothing", { maxBufferBytes: 10 }, "maxBufferBytes: "],
    ["a scrape without address", { scrapes: [{ job: "j" }] }, "scrapes[0].url: "],
    [
      "a reserved label",
      { scrapes: [{ job: "j", url: "http://h/", labels: { __x: "1" } }] },
      "scrapes[0].labels",
    ],
    [
      "the same target twice",
      {
        scrapes: [
          { job: "j", url: "http://h/a" },
          { job: "j", url: "http://h/b" },
        ],
      },
      'scrapes[1]: "j h" is there twice',
    ],
    [
      "a timeout over the interval",
      { scrapes: [{ job: "j", url: "http://h/", timeoutMs: 2_000 }] },
      "scrapes[0].timeoutMs: over the interval of 1000 ms",
    ],
    [
      "a probe of nothing",
      { probes: [{ name: "p" }] },
      "probes[0]: give url, or host and port, or dns",
    ],
    [
      "a probe of two things",
      { probes: [{ name: "p", url: "http://h/", port: 1 }] },
      "probes[0]: give url, or host and port",
    ],
    [
      "statuses of a TCP probe",
      { probes: [{ name: "p", host: "h", port: 1, statuses: [200] }] },
      "probes[0].statuses: only with url",
    ],
    [
      "a probe of a name and an address",
      { probes: [{ name: "p", url: "http://h/", dns: { query: "h" } }] },
      "probes[0]: give url, or host and port, or dns",
    ],
    [
      "a host without port",
      { probes: [{ name: "p", host: "h", dns: { query: "h" } }] },
      "probes[0]: give url, or host and port, or dns",
    ],
    [
      "a name server that is no address",
      { probes: [{ name: "p", dns: { query: "h", resolver: "ns.example:53" } }] },
      "probes[0].dns.resolver: no address",
    ],
    [
      "a name server at a port there is not",
      { probes: [{ name: "p", dns: { query: "h", resolver: "[::1]:99999" } }] },
      "probes[0].dns.resolver: no address",
    ],
    [
      "a record type there is not",
      { probes: [{ name: "p", dns: { query: "h", type: "AXFR" } }] },
      "probes[0].dns.type: ",
    ],
    [
      "certificates for a question to the DNS",
      { probes: [{ name: "p", dns: { query: "h" }, tls: {} }] },
      "probes[0].tls: not with dns",
    ],
    [
      "two credentials",
      {
        scrapes: [
          {
            ...{ job: "j", url: "http://h/", bearerTokenFile: "/t" },
            basicAuth: { username: "u", passwordFile: "/p" },
          },
        ],
      },
      "scrapes[0]: give bearerTokenFile or basicAuth",
    ],
    [
      "a password in the configuration",
      { scrapes: [{ job: "j", url: "http://h/", basicAuth: { ...SECRET, password: "x" } }] },
      'scrapes[0].basicAuth: Unrecognized key: "password"',
    ],
    [
      "the same probe twice",
      {
        probes: [
          { name: "p", host: "h", port: 1 },
          { name: "p", host: "h", port: 2 },
        ],
      },
      'probes[1]: "p" is there twice',
    ],
    [
      "a process without pid",
      { processes: [{ name: "p", service: "s" }] },
      "processes[0]: give pid or pidFile",
    ],
    [
      "no PostgreSQL address",
      { postgres: { connectionString: "mysql://h/", service: "s" } },
      "postgres.connectionString: not a PostgreSQL address",
    ],
  ])("refuses %s", (_, more, fault) => {
    expect(faultsOf(more)).toEqual([expect.stringContaining(fault)]);
  });

  test("names every problem at once", () => {
    expect(faultsOf({ agentId: "!", hubUrl: "", host: "", bogus: 1 })).toHaveLength(4);
  });

  test("fills in what is not said", () => {
    const parsed = parseAgentConfig({
      ...CONFIG,
      intervalMs: 2_000,
      scrapes: [{ job: "j", url: "http://h/" }],
    });
    expect(parsed).toMatchObject({
      ok: true,
      value: { timeoutMs: 1_800, scrapes: [{ intervalMs: 2_000, timeoutMs: 1_800, labels: {} }] },
    });
  });

  test.each<[string, object, object]>([
    ["http", { url: "https://h/", tls: {} }, { url: "https://h/", tls: { insecure: false } }],
    ["tcp", { host: "h", port: 1 }, { host: "h", port: 1 }],
    ["tls", { host: "h", port: 443, tls: { insecure: true } }, { port: 443, insecure: true }],
    ["dns", { dns: { query: "h", resolver: "[::1]:5353" } }, { query: "h", type: "A" }],
    ["dns", { dns: { query: "h", resolver: "127.0.0.1" } }, { resolver: "127.0.0.1" }],
  ])("takes a probe of %s: %j", (kind, probe, target) => {
    expect(parseAgentConfig({ ...CONFIG, probes: [{ name: "p", ...probe }] })).toMatchObject({
      ...{ ok: true, value: { probes: [{ target: { kind, ...target } }] } },
    });
  });

  test.each([
    [{}, ["hub", "agent", "postgres", "store"]],
    [{ DATABASE_URL: "postgres://u@h/d", CLICKHOUSE_URL: "http://h:8123" }, ["hub", "agent"]],
  ])("of the local agent, as `up` gives it with %j, is one it takes", async (env, processes) => {
    const config = loadConfig({ ...env, NOVAEVO_SCRAPE: "obd2=http://127.0.0.1:9100/metrics" });
    if (!config.ok) throw new Error(config.error.join());
    const settings = await agentSettings(config.value, {
      databaseUrl: "postgres://u:p@127.0.0.1:5432/novaevo",
      clickhouseUrl: "http://u:p@127.0.0.1:8123",
    });
    expect(parseAgentConfig(JSON.parse(JSON.stringify(settings)))).toMatchObject({ ok: true });
    expect(settings.processes!.map(({ name }) => name)).toEqual(processes);
    expect(settings.scrapes![1]).toMatchObject({ job: "obd2", labels: { service: "obd2" } });
  });
});

describe("the process", () => {
  let dir: string;
  let hub: FakeHub;
  let config: AgentSettings;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "novaevo-agent-é x-"));
    hub = await fakeHub();
    const tokenFile = join(dir, "token");
    await writeFile(tokenFile, hub.token);
    config = {
      ...CONFIG,
      hubUrl: hub.url(),
      tokenFile,
      dataDir: join(dir, "data"),
      intervalMs: 100,
    };
  });
  afterEach(async () => {
    await hub.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** The buffer's first segment has grown to so many bytes. */
  const buffered = async (bytes: number): Promise<void> => {
    const segment = join(config.dataDir, "buffer", "0000000000000001.seg");
    while ((await readFile(segment)).length < bytes) await immediate();
  };

  test("takes its configuration from a file, says that it is ready, and ships what it sees", async () => {
    const target = await httpTarget((_, response) => void response.end("orders_total 5\n"));
    const scrapes = [{ job: "shop", url: target.url, labels: { service: "shop" } }];
    const file = join(dir, "agent.json");
    const probes = [{ name: "shop", host: "127.0.0.1", port: target.port }];
    await writeFile(file, JSON.stringify({ ...config, scrapes, probes }));
    const agent = agentProcess(file);
    expect(await agent.ready).toEqual({ ready: true });
    const has = (name: string): boolean =>
      hub.ledger.samples().some(({ labels }) => labels["__name__"] === name);
    const names = [
      ...["orders_total", "up", "probe_success", "system_cpu_utilization_ratio"],
      ...["system_memory_utilization_ratio", "novaevo_agent_buffer_bytes"],
    ];
    await hub.until(() => names.every(has));
    expect(await agent.kill("SIGTERM")).toBe(0);
    await target.close();
  });

  test.each<[string, (agent: ReturnType<typeof agentProcess>) => Promise<unknown>]>([
    ["SIGTERM", (agent) => agent.kill("SIGTERM")],
    ["SIGINT", (agent) => agent.kill("SIGINT")],
    ["the end of its parent", (agent) => agent.orphan()],
  ])(
    "stops in time on %s while everything it talks to hangs, and keeps what it saw",
    async (_, stop) => {
      hub.mood = () => "hang";
      const hanging = await httpTarget(() => undefined);
      const agent = agentProcess({
        ...config,
        scrapes: [{ job: "j", url: hanging.url, intervalMs: 60_000 }],
        probes: [{ name: "p", url: hanging.url, intervalMs: 60_000 }],
        postgres: { connectionString: "postgres://u:p@127.0.0.1:1/d", service: "s" },
      });
      await agent.ready;
      await hub.until(() => hub.requests().length > 0);
      await buffered(1_000);
      const askedMs = performance.now();
      expect(await stop(agent)).toBe(0);
      expect(performance.now() - askedMs).toBeLessThan(GRACE_MS);
      await hanging.close();
      const log = await openSegmentLog({ dir: join(config.dataDir, "buffer") });
      expect(log.stats().tornBytes).toBe(0);
      expect(log.next()).toBeGreaterThan(1);
      await log.close();
    },
  );

  test("a configuration that cannot work ends it with 2, each problem on a line, no secret shown", async () => {
    const bad = {
      agentId: "!",
      postgres: { connectionString: "mysql://u:geheim@h/", service: "s" },
    };
    const agent = agentProcess(JSON.stringify({ ...config, ...bad }));
    expect(await agent.exited).toBe(2);
    expect(agent.stderr()).toContain("NOVAEVO_AGENT_CONFIG: agentId: ");
    expect(agent.stderr()).toContain("NOVAEVO_AGENT_CONFIG: postgres.connectionString: ");
    expect(agent.stderr()).not.toContain("geheim");
  });

  test.each([
    ["nothing", "", "is not set"],
    ["no JSON", '{"password":"geheim"', "is not JSON"],
    ["a file that is not there", "/nowhere/agent.json", "ENOENT"],
  ])("told %s it ends with 2 and says so", async (_, text, why) => {
    const agent = agentProcess(text);
    expect(await agent.exited).toBe(2);
    expect(agent.stderr()).toContain(why);
    expect(agent.stderr()).not.toContain("geheim");
  });

  test("a folder that cannot be one ends it with 2", async () => {
    const agent = agentProcess({ ...config, dataDir: join(config.tokenFile, "data") });
    expect(await agent.exited).toBe(2);
    expect(agent.stderr()).toContain("dataDir");
  });

  test("a second agent on the same folder is refused with the pid of the first", async () => {
    const first = agentProcess(config);
    await first.ready;
    const second = agentProcess(config);
    expect(await second.exited).toBe(1);
    expect(second.stderr()).toContain(`process ${first.pid}`);
    expect(await first.kill("SIGTERM")).toBe(0);
  });

  test("without a hub, and without its token, it collects all the same", async () => {
    const hubUrl = `http://127.0.0.1:${await closedPort()}`;
    const agent = agentProcess({ ...config, hubUrl, tokenFile: join(dir, "none") });
    await agent.ready;
    await buffered(3_000);
    expect(await agent.kill("SIGTERM")).toBe(0);
    expect(agent.stderr()).toContain("the token cannot be read");
  });
});

test("it loads no engine, no server and no page", async () => {
  const root = fileURLToPath(new URL("../../src/", import.meta.url));
  const files = new Set<string>();
  const packages = new Set<string>();
  const walk = async (file: string): Promise<void> => {
    if (files.has(file)) return;
    files.add(file);
    const text = await readFile(file, "utf8");
    const imports = text.matchAll(
      /^(?:import|export)\s(?!type\b)[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)/gm,
    );
    for (const [, still, dynamic] of imports) {
      const name = still ?? dynamic!;
      if (name.startsWith(".")) await walk(resolve(dirname(file), name));
      else packages.add(name);
    }
  };
  await walk(join(root, "programs", "agent.ts"));
  expect(files.size).toBeGreaterThan(30);
  expect([...packages].filter((name) => !name.startsWith("node:")).sort()).toEqual(["pg", "zod"]);
});
