/**
 * Who may call what, written down a second time and by hand: a route that is in the contract and
 * not here, or the other way round, fails the tests, and so does one whose access was changed.
 */
import type { Caller } from "./lab.ts";

const EVERYBODY: readonly Caller[] = [
  ...(["viewer", "operator", "approver", "admin", "ingest", "anonymous"] as const),
];
const PEOPLE: readonly Caller[] = ["viewer", "operator", "approver", "admin"];
const OPERATORS: readonly Caller[] = ["operator", "approver", "admin"];
const APPROVERS: readonly Caller[] = ["approver", "admin"];
const ADMINS: readonly Caller[] = ["admin"];
const MACHINES: readonly Caller[] = ["ingest", "admin"];

export const RULES: Readonly<Record<string, readonly Caller[]>> = {
  "GET /healthz": EVERYBODY,
  "GET /readyz": EVERYBODY,
  "GET /metrics": EVERYBODY,
  "GET /openapi.json": EVERYBODY,
  "POST /api/app/session/code": EVERYBODY,
  "POST /api/app/session/password": EVERYBODY,
  "POST /api/app/session/codes": ADMINS,
  "GET /api/app/session": PEOPLE,
  "DELETE /api/app/session": PEOPLE,
  "GET /api/app/accounts": ADMINS,
  "POST /api/app/accounts": ADMINS,
  "DELETE /api/app/accounts/:id": ADMINS,
  "GET /api/app/tokens": ADMINS,
  "POST /api/app/tokens": ADMINS,
  "DELETE /api/app/tokens/:id": ADMINS,
  "GET /api/app/overview": PEOPLE,
  "GET /api/app/services": PEOPLE,
  "GET /api/app/kpis": PEOPLE,
  "GET /api/app/kpis/:id": PEOPLE,
  "GET /api/app/gates": PEOPLE,
  "GET /api/app/gates/:id": PEOPLE,
  "GET /api/app/alerts": PEOPLE,
  "GET /api/app/alerts/:id": PEOPLE,
  "GET /api/app/actions": PEOPLE,
  "POST /api/app/actions": OPERATORS,
  "GET /api/app/actions/:id": PEOPLE,
  "POST /api/app/actions/:id/approve": APPROVERS,
  "POST /api/app/actions/:id/reject": OPERATORS,
  "POST /api/app/actions/:id/undo": OPERATORS,
  "GET /api/app/actions/switch": PEOPLE,
  "PUT /api/app/actions/switch": OPERATORS,
  "GET /api/app/actions/autonomy": PEOPLE,
  "PUT /api/app/actions/autonomy": APPROVERS,
  "GET /api/app/capacity": PEOPLE,
  "GET /api/app/panels/:id": PEOPLE,
  "GET /api/app/infrastructure": PEOPLE,
  "GET /api/app/application": PEOPLE,
  "GET /api/app/plan": PEOPLE,
  "POST /api/app/plan": ADMINS,
  "GET /api/app/plan/versions": PEOPLE,
  "GET /api/app/ledger": PEOPLE,
  "GET /api/app/ledger/head": PEOPLE,
  "GET /api/app/ledger/:id/proof": PEOPLE,
  "POST /api/app/ledger/check": OPERATORS,
  "GET /api/app/stream": PEOPLE,
  "GET /api/v1/query": PEOPLE,
  "POST /api/v1/query": PEOPLE,
  "GET /api/v1/query_range": PEOPLE,
  "POST /api/v1/query_range": PEOPLE,
  "GET /api/v1/series": PEOPLE,
  "POST /api/v1/series": PEOPLE,
  "GET /api/v1/labels": PEOPLE,
  "POST /api/v1/labels": PEOPLE,
  "GET /api/v1/label/:name/values": PEOPLE,
  "GET /api/v1/metadata": PEOPLE,
  "GET /api/v1/query_exemplars": PEOPLE,
  "POST /api/v1/query_exemplars": PEOPLE,
  "GET /api/v1/rules": PEOPLE,
  "GET /api/v1/status/buildinfo": PEOPLE,
  "POST /api/agent/v1/batches": MACHINES,
  "POST /api/v1/write": MACHINES,
  "POST /v1/metrics": MACHINES,
  "POST /v1/traces": MACHINES,
  "GET /api/agent/v1/state": MACHINES,
};
