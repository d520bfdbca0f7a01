/**
 * Every command there is, by name. Each is loaded when it is asked for: `plan check` starts fast,
 * and an agent carries no engine.
 */
import type { Command } from "./action.ts";
import type { ProgramName } from "./programs.ts";

export type Listed = {
  readonly summary: string;
  /** Over when its run is, whatever is still open: a hub that cannot start leaves connections. */
  readonly exits?: true;
  readonly load: () => Promise<Command>;
};

const program = (name: ProgramName) => async () => (await import("./programs.ts")).programs[name];
const board = (name: "kpi" | "gate" | "alert") => async () =>
  (await import("./board.ts")).board[name];

export const COMMANDS: Readonly<Record<string, Listed>> = {
  up: { summary: "Start everything: engines, hub, agent", exits: true, load: program("up") },
  rehearse: {
    summary: "Start everything, and a platform to watch",
    exits: true,
    load: program("rehearse"),
  },
  agent: { summary: "Run an agent alone, near its sources", exits: true, load: program("agent") },
  hub: { summary: "Run the hub alone, on engines of your own", exits: true, load: program("hub") },
  store: { summary: "Run the embedded ClickHouse alone", load: program("store") },
  supervisor: { summary: "Run the fleet's processes", exits: true, load: program("supervisor") },
  gateway: {
    summary: "Run a gateway: reverse proxy with circuits, queues, fallbacks",
    exits: true,
    load: async () => (await import("./gateway.ts")).gateway,
  },
  fault: {
    summary: "Faults of the rehearsal: inject, list, stop",
    load: async () => (await import("./fault.ts")).fault,
  },
  plan: {
    summary: "Check, compare, move and apply launch plans",
    load: async () => (await import("./plan.ts")).plan,
  },
  kpi: { summary: "KPIs and their readings", load: board("kpi") },
  gate: { summary: "Gates and the evidence of each criterion", load: board("gate") },
  alert: { summary: "Alerts, worst first", load: board("alert") },
  action: {
    summary: "Corrective actions: list, show, approve, reject, undo",
    load: async () => (await import("./corrective.ts")).action,
  },
  ledger: {
    summary: "The tamper-evident ledger: list, prove, verify",
    load: async () => (await import("./ledger.ts")).ledger,
  },
  token: {
    summary: "API tokens: create, list, revoke",
    load: async () => (await import("./token.ts")).token,
  },
  code: {
    summary: "A fresh single-use code to sign in with",
    load: async () => (await import("./token.ts")).code,
  },
  doctor: {
    summary: "Settings, versions, health, and what is wrong",
    load: async () => (await import("./doctor.ts")).doctor,
  },
};
