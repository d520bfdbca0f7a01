/** The API: one table. */
import { actionRoutes } from "./action.ts";
import { alertRoutes } from "./alert.ts";
import { applicationRoutes } from "./application.ts";
import { faultRoutes } from "./fault.ts";
import { infrastructureRoutes } from "./infrastructure.ts";
import { kpiRoutes } from "./kpi.ts";
import { ledgerRoutes } from "./ledger.ts";
import { opsRoutes } from "./ops.ts";
import { planRoutes } from "./plan.ts";
import { prometheusRoutes } from "./prometheus.ts";
import { sessionRoutes } from "./session.ts";
import { systemRoutes } from "./system.ts";
import { telemetryRoutes } from "./telemetry.ts";

export const ROUTES = [
  ...systemRoutes,
  ...telemetryRoutes,
  ...prometheusRoutes,
  ...sessionRoutes,
  ...opsRoutes,
  ...infrastructureRoutes,
  ...applicationRoutes,
  ...kpiRoutes,
  ...alertRoutes,
  ...actionRoutes,
  ...faultRoutes,
  ...planRoutes,
  ...ledgerRoutes,
] as const;
