/**
 * The hub's heartbeat: read what is due when samples arrive, raise and resolve alerts, judge gates,
 * tell the browsers. One turn at a time; a turn that fails is counted and the next one is taken.
 *
 * Alerts and gate verdicts are published at once; the rest at most once a second.
 */
import type { Log } from "../../io/log/json-log.ts";
import type { HubMetrics } from "../../io/http/metrics.ts";
import type { Stream } from "../../io/http/stream.ts";
import type { ServiceList } from "../../contract/ops.ts";
import { gateList } from "../../launch/gate/gate.routes.ts";
import type { Gates } from "../../launch/gate/gate.flow.ts";
import type { Kpis } from "../../launch/kpi/kpi.flow.ts";
import { kpiList } from "../../launch/kpi/kpi.routes.ts";
import { ARRIVAL_PACE_MS } from "../../launch/kpi/schedule.ts";
import type { AppliedPlan } from "../../launch/plan/applied.ts";
import type { Alerts } from "../../respond/alert/alert.flow.ts";
import type { Actions } from "../../respond/action/action.flow.ts";
import { actionList } from "../../respond/action/action.routes.ts";
import { countFiring, firingList } from "../../respond/alert/alert.routes.ts";
import { overview, readServices, type OpsDeps } from "../../respond/ops/ops.flow.ts";
import { SEVERITIES } from "../../kernel/severity.ts";

const SLOW_TURN_MS = 1_000;
const CLOCK_JUMP_MS = 2_000;

export type LoopDeps = {
  readonly applied: () => AppliedPlan;
  readonly kpis: Kpis;
  readonly alerts: Alerts;
  readonly actions: Actions | undefined;
  readonly gates: Gates;
  readonly ops: OpsDeps;
  readonly stream: Stream;
  readonly metrics: HubMetrics;
  readonly log: Log;
  readonly wakeLedger: () => void;
  readonly refreshStatus: () => Promise<void>;
};

export type Loop = {
  /** Samples have arrived. */
  readonly poke: () => void;
  readonly services: () => ServiceList;
  readonly close: () => Promise<void>;
};

export const startLoop = (deps: LoopDeps): Loop => {
  let services: ServiceList = { items: [] };
  let lastSlowMs = Number.NEGATIVE_INFINITY;
  let skewMs: number | undefined;

  const alertsNow = () => firingList(deps.alerts.firing(), deps.actions?.actionOf);

  const fast = async (): Promise<void> => {
    const readings = await deps.kpis.tick();
    for (const { reading } of readings) deps.metrics.evaluations.inc({ verdict: reading.verdict });
    if (await deps.alerts.apply(readings)) {
      deps.stream.publish({ type: "alerts", data: alertsNow() });
      deps.stream.publish({ type: "overview", data: overview(deps.ops) });
      deps.wakeLedger();
    }
  };

  const slow = async (): Promise<void> => {
    watchClock();
    await deps.refreshStatus();
    if (await deps.gates.tick()) deps.wakeLedger();
    services = await readServices(deps.ops);
    const { stream } = deps;
    stream.publish({ type: "overview", data: overview(deps.ops) });
    stream.publish({ type: "services", data: services });
    stream.publish({ type: "kpis", data: kpiList(deps.applied(), deps.kpis.latest()) });
    stream.publish({ type: "gates", data: gateList({ ...deps, judged: deps.gates.judged }) });
    stream.publish({ type: "alerts", data: alertsNow() });
    if (deps.actions !== undefined) {
      stream.publish({ type: "actions", data: actionList(deps.applied(), deps.actions) });
    }
    const counts = countFiring(deps.alerts.firing());
    for (const severity of SEVERITIES)
      deps.metrics.alertsFiring.set({ severity }, counts[severity]);
  };

  const watchClock = (): void => {
    const { clock } = deps.ops;
    const now = clock.now() - clock.monotonic();
    if (skewMs !== undefined && Math.abs(now - skewMs) > CLOCK_JUMP_MS) {
      deps.metrics.clockJumps.inc();
      deps.log.warn("the wall clock jumped", { byMs: Math.round(now - skewMs) });
    }
    skewMs = now;
  };

  const turn = async (): Promise<void> => {
    try {
      await fast();
      const now = deps.ops.clock.monotonic();
      if (now - lastSlowMs >= SLOW_TURN_MS) {
        lastSlowMs = now;
        await slow();
      }
    } catch (fault) {
      deps.metrics.faults.inc({ where: "evaluation" });
      deps.log.error("an evaluation failed and will be tried again", { fault });
    }
  };

  const { poke, close } = paced(turn, deps.ops.clock.monotonic);
  // Without any arrival the board must still turn stale, and say so.
  const timer = setInterval(poke, SLOW_TURN_MS);
  poke();
  return {
    poke,
    services: () => services,
    close: async () => {
      clearInterval(timer);
      await close();
    },
  };
};

/**
 * One turn at a time, with a pause between two. A KPI read a moment ago is not due: what came in
 * since has its turn after the pause, and is not left for the next arrival.
 */
const paced = (turn: () => Promise<void>, monotonic: () => number) => {
  let closing = false;
  let running: Promise<void> | undefined;
  let again = false;
  let pause: NodeJS.Timeout | undefined;
  let lastTurnMs = Number.NEGATIVE_INFINITY;
  const poke = (): void => {
    if (closing) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    const pauseMs = lastTurnMs + ARRIVAL_PACE_MS - monotonic();
    if (pauseMs > 0) {
      pause ??= setTimeout(() => {
        pause = undefined;
        poke();
      }, Math.ceil(pauseMs));
      return;
    }
    again = false;
    running = turn().finally(() => {
      running = undefined;
      lastTurnMs = monotonic();
      if (again) poke();
    });
  };
  const close = async (): Promise<void> => {
    closing = true;
    clearTimeout(pause);
    await running;
  };
  return { poke, close };
};
