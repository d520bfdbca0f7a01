/** What the local agent is told to watch: this host, NovaEvo's own processes, and named targets. */
import os from "node:os";
import path from "node:path";
import type { Config } from "./config.ts";
import type { Engines } from "./children.ts";

const INTERVAL_MS = 1_000;
const TIMEOUT_MS = 900;

export const agentSettings = async (config: Config, engines: Engines): Promise<unknown> => {
  const hubUrl = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${config.port}`;
  const own = ["hub", "store", "agent", "postgres"] as const;
  const process = (name: string) => ({
    name,
    service: `novaevo-${name}`,
    pidFile: path.join(config.dataDir, "run", `${name}.pid`),
  });
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
      ...config.scrapes.map(({ job, url }) => ({ job, url, ...every, labels: {} })),
    ],
    probes: [{ name: "novaevo-hub", url: `${hubUrl}/healthz`, ...every }],
    processes: own.map(process),
    postgres: { connectionString: engines.databaseUrl, service: "novaevo-postgres" },
  };
};
