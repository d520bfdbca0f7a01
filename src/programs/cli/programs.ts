/**
 * Commands that run a program. Each program is loaded only when asked for: none must load another's
 * engine. Secrets have no flag: a command line can be read by everybody on the machine.
 */
import type { Command } from "./action.ts";
import { configOf, OK, SETTING_FLAGS } from "./command.ts";

const SERVED = ["DATABASE_URL and CLICKHOUSE_URL (environment or file) name engines of your own."];
/** What a child of `up` says on stdout is JSON in any case. */
const SAYS_READY = ['Says {"ready":true,…} on stdout when it serves; logs are JSON on stderr.'];

export type ProgramName = "up" | "rehearse" | "hub" | "agent" | "store" | "supervisor";

export const programs: Readonly<Record<ProgramName, Command>> = {
  up: {
    action: {
      summary: "Start PostgreSQL, the store, the hub and an agent, and keep them running",
      flags: SETTING_FLAGS,
      notes: [...SERVED, "Stops on SIGTERM and Ctrl-C."],
      run: async (asked) => {
        const config = await configOf(asked);
        return (await import("../up.ts")).up(config, { json: asked.json });
      },
    },
  },
  rehearse: {
    action: {
      summary: "Start everything, and a platform to watch: services, gateways, users, faults",
      flags: SETTING_FLAGS,
      notes: [
        "Data in .novaevo-rehearsal unless NOVAEVO_DATA says otherwise.",
        "Stops on SIGTERM and Ctrl-C.",
      ],
      run: async (asked) => {
        process.env["NOVAEVO_DATA"] ??= ".novaevo-rehearsal";
        const config = await configOf(asked);
        return (await import("../rehearse.ts")).rehearse(config, { json: asked.json });
      },
    },
  },
  hub: {
    action: {
      summary: "Run the hub: API, pages, KPIs, gates, alerts",
      flags: SETTING_FLAGS,
      notes: ["DATABASE_URL and CLICKHOUSE_URL must be set.", ...SAYS_READY],
      run: async (asked) => {
        const config = await configOf(asked);
        return (await import("../hub.ts")).runHub(config);
      },
    },
  },
  agent: {
    action: {
      summary: "Run an agent: collect here, buffer on disk, send to a hub",
      flags: {
        config: { value: "FILE", says: "what to watch, as JSON (NOVAEVO_AGENT_CONFIG)" },
        log: { value: "LEVEL", says: "debug, info, warn or error (NOVAEVO_LOG)" },
      },
      notes: SAYS_READY,
      run: async ({ flags }) => {
        const { config, log } = flags;
        if (typeof config === "string") process.env["NOVAEVO_AGENT_CONFIG"] = config;
        if (typeof log === "string") process.env["NOVAEVO_LOG"] = log;
        return (await import("../agent.ts")).runAgent();
      },
    },
  },
  store: {
    action: {
      summary: "Run the embedded ClickHouse behind its HTTP protocol, on loopback",
      notes: [
        "NOVAEVO_STORE_DIR and NOVAEVO_STORE_PASSWORD must be set; NOVAEVO_STORE_PORT may be.",
        ...SAYS_READY,
      ],
      run: async () => {
        await (await import("../store.ts")).main();
        return OK;
      },
    },
  },
  supervisor: {
    action: {
      summary: "Run the fleet's processes: start, watch, restart, scale, drain",
      flags: {
        config: { value: "FILE", says: "what to run, as JSON (NOVAEVO_SUPERVISOR_CONFIG)" },
        log: { value: "LEVEL", says: "debug, info, warn or error (NOVAEVO_LOG)" },
      },
      notes: SAYS_READY,
      run: async ({ flags }) => {
        const { config, log } = flags;
        if (typeof config === "string") process.env["NOVAEVO_SUPERVISOR_CONFIG"] = config;
        if (typeof log === "string") process.env["NOVAEVO_LOG"] = log;
        return (await import("../supervisor.ts")).runSupervisor();
      },
    },
  },
};
