/** Alerts over HTTP, worst first. */
import type { Alert as AlertView, AlertAction, AlertList } from "../../contract/alert.ts";
import type { Serving } from "../../io/http/handlers.ts";
import type { Sql } from "../../io/postgres/db.ts";
import { ok, problem } from "../../kernel/result.ts";
import { severityRank } from "../../kernel/severity.ts";
import type { LiveAlert } from "./alert.flow.ts";
import { alertById, alertPage, type AlertRow } from "./alert.store.ts";

export type AlertRouteDeps = {
  readonly sql: Sql;
  readonly firing: () => readonly LiveAlert[];
  /** What is being done about it; nobody where actions are not wired. */
  readonly actionOf?: ActionOf;
};

export type ActionOf = (alert: number) => AlertAction | null;
const NO_ACTION: ActionOf = () => null;

const PREFIX = "ALT-";
const iso = (ms: number): string => new Date(ms).toISOString();

const view = (row: AlertRow, actionOf: ActionOf, note: LiveAlert["note"] = null): AlertView => ({
  id: `${PREFIX}${row.id}`,
  fingerprint: row.fingerprint,
  title: row.title,
  severity: row.severity,
  state: row.state,
  startedAt: iso(row.startedAtMs),
  breachedAt: iso(row.breachedAtMs),
  resolvedAt: row.resolvedAtMs === null ? null : iso(row.resolvedAtMs),
  value: row.value,
  threshold: row.threshold,
  unit: row.unit,
  owner: row.owner,
  kpi: row.kpi,
  rule: row.rule,
  service: row.service,
  note,
  action: actionOf(row.id),
});

export const countFiring = (firing: readonly LiveAlert[]): AlertList["counts"] => {
  const counts = { critical: 0, error: 0, warning: 0, info: 0 };
  for (const { severity } of firing) counts[severity] += 1;
  return counts;
};

export const firingList = (
  firing: readonly LiveAlert[],
  actionOf: ActionOf = NO_ACTION,
): AlertList => ({
  items: firing
    .toSorted((a, b) => severityRank(b.severity) - severityRank(a.severity) || b.id - a.id)
    .map((row) => view(row, actionOf, row.note)),
  counts: countFiring(firing),
});

const idOf = (text: string | undefined): number | undefined => {
  const found = /^(?:ALT-)?(\d{1,15})$/i.exec(text ?? "");
  return found === null ? undefined : Number(found[1]);
};

export const alertRoutes = (deps: AlertRouteDeps): Serving<"GET alerts" | "GET alert"> => ({
  "GET alerts": async ({ query }) => {
    if (query.state === "firing") return ok(firingList(deps.firing(), deps.actionOf));
    const before = idOf(query.cursor);
    if (query.cursor !== undefined && before === undefined) {
      return problem("bad_request", "query.cursor: is not a cursor of this list");
    }
    const rows = await alertPage(deps.sql, { state: query.state, limit: query.limit, before });
    const last = rows.at(-1);
    const more = last !== undefined && rows.length === query.limit;
    return ok({
      items: rows.map((row) => view(row, deps.actionOf ?? NO_ACTION)),
      counts: countFiring(deps.firing()),
      ...(more ? { next: `${PREFIX}${last.id}` } : {}),
    });
  },
  "GET alert": async ({ params }) => {
    const id = idOf(params.id);
    if (id === undefined) return problem("bad_request", `params.id: an alert is called ALT-17`);
    const live = deps.firing().find((one) => one.id === id);
    const row = live ?? (await alertById(deps.sql, id));
    if (row === undefined) return problem("not_found", `no alert ALT-${id}`);
    return ok(view(row, deps.actionOf ?? NO_ACTION, live?.note ?? null));
  },
});
