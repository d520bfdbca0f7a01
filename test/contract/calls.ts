/** A call of each route that its handler takes: what a route is asked for when it is allowed. */
import type { InjectOptions } from "fastify";
import type { Lab } from "./lab.ts";
import { novaevoText } from "../plan/small-plan.ts";

export type Asking = Pick<InjectOptions, "payload" | "headers"> & {
  readonly params?: Readonly<Record<string, string>>;
  /** What the address says after its path. */
  readonly search?: string;
};

const NOBODY = "00000000-0000-4000-8000-000000000000";

/** Routes whose right call still answers 404 or 401 here, since what it names is not there. */
export const EMPTY_ANSWERS: Readonly<Record<string, number>> = {
  "POST /api/app/session/code": 401,
  "POST /api/app/session/password": 401,
  "DELETE /api/app/accounts/:id": 404,
  "DELETE /api/app/tokens/:id": 404,
  "POST /api/app/actions/:id/approve": 404,
  "POST /api/app/actions/:id/reject": 404,
  "POST /api/app/actions/:id/undo": 404,
  "POST /api/v1/write": 204,
  // Nothing is rehearsed here.
  "POST /api/app/faults": 404,
  "DELETE /api/app/faults": 404,
  "DELETE /api/app/faults/:id": 404,
  "POST /api/app/scenarios": 404,
  "GET /api/app/load": 404,
  "PUT /api/app/load": 404,
};

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const RANGE = "query=up&start=0&end=60&step=15";

let named = 0;

export const askingOf = (lab: Lab, key: string): Asking => {
  const calls: Readonly<Record<string, () => Asking>> = {
    "POST /api/app/session/code": () => ({ payload: { code: "not-a-code" } }),
    "POST /api/app/session/password": () => ({ payload: { name: "nobody", password: "wrong" } }),
    "POST /api/app/accounts": () => ({
      payload: {
        name: `somebody ${(named += 1)}`,
        password: "quatre chevaux bleus",
        role: "viewer",
      },
    }),
    "DELETE /api/app/accounts/:id": () => ({ params: { id: NOBODY } }),
    "POST /api/app/tokens": () => ({ payload: { name: "ci", role: "viewer", expiresInDays: 1 } }),
    "DELETE /api/app/tokens/:id": () => ({ params: { id: NOBODY } }),
    "GET /api/app/kpis/:id": () => ({ params: { id: "availability" } }),
    "GET /api/app/gates/:id": () => ({ params: { id: "gate-1" } }),
    "GET /api/app/alerts/:id": () => ({ params: { id: lab.alertId } }),
    "POST /api/app/actions": () => ({
      payload: { change: { kind: "shed", level: 1 }, reason: "a drill" },
    }),
    "GET /api/app/actions/:id": () => ({ params: { id: "ACT-1" } }),
    ...Object.fromEntries(
      ["approve", "reject", "undo"].map((verb) => [
        `POST /api/app/actions/:id/${verb}`,
        () => ({ params: { id: "ACT-999" }, payload: { reason: "a drill" } }),
      ]),
    ),
    "POST /api/app/faults": () => ({ payload: { service: "obd2", kind: "crash" } }),
    "DELETE /api/app/faults/:id": () => ({ params: { id: "fault:1" } }),
    "POST /api/app/scenarios": () => ({ payload: { scenario: "region-loss" } }),
    "PUT /api/app/load": () => ({ payload: { share: 0.1 } }),
    "PUT /api/app/actions/switch": () => ({ payload: { isOn: true, reason: "a drill" } }),
    "PUT /api/app/actions/autonomy": () => ({
      payload: { playbook: "fallback", level: "auto", reason: "a drill" },
    }),
    "GET /api/app/panels/:id": () => ({ params: { id: "latency" } }),
    "POST /api/app/plan": () => ({ payload: { source: novaevoText, dryRun: true } }),
    "GET /api/app/ledger/:id/proof": () => ({ params: { id: "0" } }),
    "POST /api/agent/v1/batches": () => ({
      payload: Buffer.from([1, 2, 3]),
      headers: {
        "content-type": "application/x-protobuf",
        "x-novaevo-agent": "lab",
        "x-novaevo-seq": "1",
      },
    }),
    "POST /api/v1/write": () => ({
      payload: Buffer.from([0]),
      headers: { "content-type": "application/x-protobuf", "content-encoding": "snappy" },
    }),
    "GET /api/v1/query": () => ({ search: "?query=1%2B1" }),
    "POST /api/v1/query": () => ({ payload: "query=1%2B1", headers: FORM }),
    "GET /api/v1/query_range": () => ({ search: `?${RANGE}` }),
    "POST /api/v1/query_range": () => ({ payload: RANGE, headers: FORM }),
    "GET /api/v1/series": () => ({ search: "?match[]=up" }),
    "POST /api/v1/series": () => ({ payload: "match[]=up", headers: FORM }),
    "GET /api/v1/label/:name/values": () => ({ params: { name: "job" } }),
    "GET /api/v1/query_exemplars": () => ({ search: "?query=up" }),
    "POST /api/v1/query_exemplars": () => ({ payload: "query=up", headers: FORM }),
    "POST /v1/metrics": () => ({ payload: "{}", headers: { "content-type": "application/json" } }),
    "POST /v1/traces": () => ({ payload: "{}", headers: { "content-type": "application/json" } }),
    "GET /api/agent/v1/state": () => ({ headers: { "x-novaevo-agent": "lab" } }),
  };
  return (Object.hasOwn(calls, key) ? calls[key] : undefined)?.() ?? {};
};

export const urlOf = (path: string, params: Readonly<Record<string, string>> = {}): string =>
  path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? "x"));
