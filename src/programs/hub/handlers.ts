/** What serves each route of the contract, wired from the parts of the hub. */
import { accountRoutes } from "../../account/account.routes.ts";
import type { Accounts } from "../../account/accounts.flow.ts";
import type { SessionCookie } from "../../account/cookie.ts";
import type { Handlers } from "../../io/http/handlers.ts";
import type { Stream } from "../../io/http/stream.ts";
import type { Db } from "../../io/postgres/db.ts";
import type { Gates } from "../../launch/gate/gate.flow.ts";
import { gateRoutes } from "../../launch/gate/gate.routes.ts";
import type { Kpis } from "../../launch/kpi/kpi.flow.ts";
import { kpiRoutes } from "../../launch/kpi/kpi.routes.ts";
import { planRoutes } from "../../launch/plan/plan.routes.ts";
import { sha256, verifierOf } from "../../ledger/adapters/node-crypto.ts";
import { ledgerRoutes } from "../../ledger/ledger.routes.ts";
import type { HeadMemory, Signer } from "../../ledger/note.ts";
import type { Actions } from "../../respond/action/action.flow.ts";
import { actionRoutes } from "../../respond/action/action.routes.ts";
import type { Alerts } from "../../respond/alert/alert.flow.ts";
import { alertRoutes } from "../../respond/alert/alert.routes.ts";
import type { OpsDeps } from "../../respond/ops/ops.flow.ts";
import { opsRoutes } from "../../respond/ops/ops.routes.ts";
import { tabRoutes } from "../../respond/ops/tabs.routes.ts";
import { faultRoutes, type RehearsalDoors } from "../../respond/rehearsal/fault.routes.ts";
import { telemetryRoutes } from "../../watch/intake/telemetry.routes.ts";
import { prometheusRoutes } from "../../watch/signal/prometheus/prometheus.routes.ts";
import type { Loop } from "./loop.ts";
import type { PlanHolder } from "./plan-in-force.ts";
import { systemRoutes, type SystemRouteDeps } from "./system.routes.ts";

export type HubParts = SystemRouteDeps & {
  readonly db: Db;
  readonly accounts: Accounts;
  readonly cookie: SessionCookie;
  readonly plan: PlanHolder;
  readonly kpis: Kpis;
  readonly gates: Gates;
  readonly alerts: Alerts;
  /** Undefined: no control door is connected. */
  readonly actions: Actions | undefined;
  /** Undefined: nothing is rehearsed here. */
  readonly rehearsal: RehearsalDoors | undefined;
  readonly ops: OpsDeps;
  readonly loop: Loop;
  readonly stream: Stream;
  readonly signer: Signer;
  readonly memory: HeadMemory;
};

export const handlersOf = (parts: HubParts): Handlers => {
  const { db, signals, kpis, gates, alerts, actions, ops, plan } = parts;
  const { applied } = plan;
  return {
    ...systemRoutes(parts),
    ...telemetryRoutes(parts),
    ...prometheusRoutes({ signals, version: parts.version, now: ops.clock.now }),
    ...accountRoutes(parts),
    ...opsRoutes({ ...ops, stream: parts.stream, services: parts.loop.services }),
    ...tabRoutes({ clock: ops.clock, applied, signals }),
    ...kpiRoutes({
      ...{ applied, latest: kpis.latest, now: ops.clock.now },
      history: (range) => signals.readings(range),
    }),
    ...gateRoutes({ applied, judged: gates.judged }),
    ...alertRoutes({
      ...{ sql: db, firing: alerts.firing },
      ...(actions === undefined ? {} : { actionOf: actions.actionOf }),
    }),
    ...faultRoutes({ applied, doors: parts.rehearsal }),
    ...actionRoutes({ sql: db, applied, now: ops.clock.now, actions }),
    ...planRoutes({ sql: db, sha256, applied, apply: plan.apply, onApplied: plan.reload }),
    ...ledgerRoutes({ sql: db, verifier: verifierOf(parts.signer.key), memory: parts.memory }),
  };
};
