/** What the local agent is told to watch: this host, NovaEvo's own processes, and named targets. */
import os from "node:os";
import path from "node:path";
import type { AgentSettings } from "./agent-config.ts";
import type { Config } from "./config.ts";
import type { Engines } from "./children.ts";

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 900;
/** Where a server that listens everywhere is reached from its own machine. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** What runs beside NovaEvo's own programs and is watched like them. */
export type Beside = {
  /** `isHonest`: its own `service` and `instance` labels are kept. */
  readonly scrapes: readonly {
    readonly job: string;
    readonly url: string;
    readonly isHonest: boolean;
  }[];
  readonly processes: readonly { readonly name: string; readonly service: string }[];
};

export const agentSettings = async (
  config: Config,
  engines: Engines,
  beside: Beside = { scrapes: [], processes: [] },
): Promise<AgentSettings> => {
  const host = LOOPBACK_OF[config.host] ?? config.host;
  const hubUrl = `http://${host.includes(":") ? `[${host}]` : host}:${config.port}`;
  const process = (name: string, service = `novaevo-${name}`) => ({
    name,
    service,
    pidFile: path.join(config.dataDir, "run", `${name}.pid`),
  });
  // An engine that runs elsewhere has no process here, and must not look dead for that.
  const own = [
    "hub",
    "agent",
    ...(config.databaseUrl === undefined ? ["postgres"] : []),
    ...(config.clickhouseUrl === undefined ? ["store"] : []),
  ];
  const every = { intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS };
  return {
    agentId: config.agentId,
    hubUrl,
    tokenFile: path.join(config.dataDir, "agent", "token"),
    dataDir: path.join(config.dataDir, "agent"),
    intervalMs: INTERVAL_MS,
    host: os.hostname(),
    scrapes: [
      { job: "novaevo", url: `${hubUrl}/metrics`, ...every, labels: { service: "novaevo-hub" } },
      // The job is the service's id in the plan.
      ...config.scrapes.map(({ job, url }) => ({ job, url, ...every, labels: { service: job } })),
      ...beside.scrapes.map(({ job, url, isHonest }) =>
        isHonest
          ? { job, url, ...every, honorLabels: true }
          : { job, url, ...every, labels: { service: job } },
      ),
    ],
    probes: [{ name: "novaevo-hub", url: `${hubUrl}/healthz`, ...every }],
    processes: [
      ...own.map((name) => process(name)),
      ...beside.processes.map(({ name, service }) => process(name, service)),
    ],
    postgres: { connectionString: engines.databaseUrl, service: "novaevo-postgres", ...every },
  };
};
