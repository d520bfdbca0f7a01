/**
 * `novaevo hub`: L2 and L3, the API and the pages. One straight function; closes in reverse order.
 *
 * Errors: exit code 2 when its configuration can never work (a taken port, a database that may
 *         forget what it acknowledged, a plan that does not load).
 */
import { randomUUID } from "node:crypto";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { argon2Hasher } from "../account/adapters/argon2.ts";
import { authenticateRequest } from "../account/account.routes.ts";
import { openAccounts } from "../account/accounts.flow.ts";
import { sessionCookie } from "../account/cookie.ts";
import { ensureTokenFiles } from "../account/token-file.flow.ts";
import { systemClock } from "../io/clock.ts";
import { faultCode } from "../io/disk/disk.ts";
import { hubMetrics } from "../io/http/metrics.ts";
import { buildServer } from "../io/http/server.ts";
import { openStream } from "../io/http/stream.ts";
import { servePages } from "../io/http/pages.ts";
import { jsonLog, type Log } from "../io/log/json-log.ts";
import { openDb, type Db } from "../io/postgres/db.ts";
import { durabilityFaults, readSettings } from "../io/postgres/durability.ts";
import { migrate, SchemaFault } from "../io/postgres/migrate.ts";
import { EXIT_MISCONFIGURED } from "../io/process/child.ts";
import { onStop } from "../io/process/parent.ts";
import { gateList } from "../launch/gate/gate.routes.ts";
import { openGates, type Gates } from "../launch/gate/gate.flow.ts";
import { openKpis, type KpiReading, type Kpis } from "../launch/kpi/kpi.flow.ts";
import { kpiList } from "../launch/kpi/kpi.routes.ts";
import { headFile } from "../ledger/adapters/head-file.ts";
import { openLedgerKey } from "../ledger/adapters/key-file.ts";
import { record } from "../ledger/record.store.ts";
import { startSequencer } from "../ledger/sequencer.flow.ts";
import { openAlerts, type Alerts } from "../respond/alert/alert.flow.ts";
import type { OpsDeps } from "../respond/ops/ops.flow.ts";
import type { AppliedPlan } from "../launch/plan/applied.ts";
import type { Signals } from "../watch/signal/signals.ts";
import type { Config } from "./config.ts";
import { Refusal } from "./data-dir.ts";
import { askOf, rangeAskOf } from "./hub/asking.ts";
import { newSignalBook, openDataPlane } from "./hub/data-plane.ts";
import { handlersOf } from "./hub/handlers.ts";
import { rehearsalDoors } from "./hub/rehearsal-doors.ts";
import { holdLease } from "./hub/ownership.ts";
import { startLoop } from "./hub/loop.ts";
import { openPlan } from "./hub/plan-in-force.ts";
import { openStatus, type Status } from "./hub/status.ts";
import { startSignals } from "./signals.ts";
import { novaevoVersion } from "./version.ts";

const CLOSE_MS = 2_800;

export const runHub = async (config: Config): Promise<number> => {
  const log = jsonLog("hub", { level: config.logLevel });
  const asked = new Promise<string>((resolve) => onStop(resolve));
  try {
    const hub = await openHub(config, log);
    const code = process.env["NOVAEVO_ISSUE_CODE"] === "1" ? await hub.issueCode() : undefined;
    process.stdout.write(`${JSON.stringify({ ready: true, url: hub.url, code })}\n`);
    const why = await Promise.race([asked, hub.failed]);
    log.info("stopping", { why });
    // Whatever hangs, the process ends: what was acknowledged is on disk already.
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
    await hub.close();
    process.exit(why.startsWith("failed") ? 1 : 0);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    // `up` says it last, when everything has stopped: there it is seen.
    if (process.env["NOVAEVO_PARENT"] === undefined)
      process.stderr.write(`novaevo hub: ${fault.message}\n`);
    else process.stdout.write(`${JSON.stringify({ refused: fault.message })}\n`);
    return EXIT_MISCONFIGURED;
  }
};

type Hub = {
  readonly url: string;
  readonly issueCode: () => Promise<string>;
  readonly failed: Promise<string>;
  readonly close: () => Promise<void>;
};

const openHub = async (config: Config, log: Log): Promise<Hub> => {
  const clock = systemClock;
  const closers: (() => Promise<void>)[] = [];
  const failed = Promise.withResolvers<string>();
  const { db, metrics, signer, memory, sequencer, lease } = await openState(config, log, closers);
  const accounts = openAccounts({ db, clock, hasher: argon2Hasher() });
  await ensureTokenFiles(db, config.dataDir);
  const plan = await openPlan({ db, clock, log, planFile: config.planFile });
  const signals = await startSignals(
    {
      dataDir: path.join(config.dataDir, "signal"),
      ...{ ...enginesOf(config), logLevel: config.logLevel, seriesLimits: config.seriesLimits },
    },
    (why) => failed.resolve(`failed: the signal worker: ${why}`),
  );
  closers.push(() => signals.close());

  const ask = askOf(signals);
  const fence = lease.fence;
  const { applied } = plan;
  const kpis = await openKpis({ db, clock, applied, ask, fence, keep: keepIn(signals, applied) });
  const alerts = await openAlerts({ db, clock, applied, record, fence });
  const gates = await openGates({ db, clock, applied, ask, record, fence, latest: kpis.latest });
  const status = openStatus({ db, signals, metrics });
  const stream = openStream(randomUUID().slice(0, 8), metrics);
  closers.push(async () => stream.close());
  const told = newSignalBook();
  const { onSignals } = told;
  const ops = opsOf({ clock, applied, ask, onSignals, signals, kpis, gates, alerts, status });
  const { actions, close } = await openDataPlane(config.control, {
    ...{ db, clock, log, applied, record, fence, epoch: lease.epoch, alerts, ask, stream },
    ...{ signals: told, metrics, wakeLedger: sequencer.wake },
  });
  closers.push(close);
  const loop = startLoop({
    ...{ applied, kpis, alerts, gates, ops, stream, metrics, log, actions },
    wakeLedger: sequencer.wake,
    refreshStatus: status.refresh,
  });
  closers.push(() => loop.close());

  let draining = false;
  const cookie = sessionCookie({ tls: config.trustProxy, port: config.port });
  const server = await buildServer({
    authenticate: authenticateRequest({ accounts, cookie }),
    hosts: new Set(config.trustProxy ? ["*"] : config.hosts),
    trustProxy: config.trustProxy,
    metrics,
    log,
    handlers: handlersOf({
      ...{ db, accounts, cookie, log, signals, metrics, plan, kpis, gates, alerts },
      ...{ ops, loop, stream, actions, rehearsal: rehearsalDoors(process.env) },
      ...{ signer, memory, version: novaevoVersion(), waiting: status.waiting },
      draining: () => draining,
    }),
  });
  await servePages(server);
  const stopWatching = signals.onAdvance(loop.poke);
  closers.push(async () => {
    draining = true;
    stopWatching();
    await server.close();
  });
  const url = await listen(server, config);
  log.info("serving", { url, plan: applied().version });
  return {
    url,
    failed: Promise.race([failed.promise, lease.lost.then(() => "failed: another hub took over")]),
    issueCode: async () => (await accounts.issueSignInCode()).code,
    close: async () => {
      for (const close of closers.toReversed()) await close();
    },
  };
};

/** What everything else stands on: PostgreSQL, the ledger, and the lease of the one that acts. */
const openState = async (config: Config, log: Log, closers: (() => Promise<void>)[]) => {
  const clock = systemClock;
  const holder = `hub:${config.dataDir}`;
  const db = databaseAt(enginesOf(config).databaseUrl, log);
  closers.push(() => db.close());
  await readyDatabase(db, log);
  const signer = await openLedgerKey(config.dataDir);
  const memory = headFile(config.dataDir);
  const sequencer = startSequencer({
    ...{ db, clock, signer, memory, holder },
    onFault: (message, fault) => log.error(message, { fault }),
  });
  closers.push(() => sequencer.close());
  const lease = await holdLease(db, { holder, clock, log });
  closers.push(() => lease.release());
  return { db, metrics: hubMetrics(), signer, memory, sequencer, lease };
};

const enginesOf = ({ databaseUrl, clickhouseUrl }: Config) => {
  if (databaseUrl !== undefined && clickhouseUrl !== undefined) {
    return { databaseUrl, clickhouseUrl };
  }
  throw new Refusal("DATABASE_URL and CLICKHOUSE_URL must name the engines (`novaevo up` does)");
};

const databaseAt = (connectionString: string, log: Log): Db =>
  openDb({
    connectionString,
    name: "novaevo-hub",
    onIdleFault: (fault) => log.warn("a database connection was lost", { fault }),
  });

const readyDatabase = async (db: Db, log: Log): Promise<void> => {
  const settings = await readSettings(db);
  const faults = durabilityFaults(settings);
  if (faults.length > 0) throw new Refusal(faults.join("; "));
  const { applied } = await migrate(db).catch((fault: unknown) => {
    throw fault instanceof SchemaFault ? new Refusal(fault.message, { cause: fault }) : fault;
  });
  if (applied.length > 0) log.info("migrated", { applied });
};

/** What the operations page and the ribbon are made of. */
const opsOf = (
  parts: Pick<OpsDeps, "clock" | "applied" | "ask" | "onSignals"> & {
    readonly signals: Signals;
    readonly kpis: Kpis;
    readonly gates: Gates;
    readonly alerts: Alerts;
    readonly status: Status;
  },
): OpsDeps => {
  const { clock, applied, ask, onSignals, signals, kpis, gates, alerts, status } = parts;
  return {
    ...(onSignals === undefined ? {} : { onSignals }),
    ...{ clock, applied, ask, askRange: rangeAskOf(signals), firing: alerts.firing },
    kpis: () => kpiList(applied(), kpis.latest()),
    gates: () => gateList({ applied, judged: gates.judged }),
    lastSampleMs: status.lastSampleMs,
    ledger: status.ledger,
  };
};

/** Readings become durable before anybody hears of them. */
const keepIn =
  (signals: Signals, applied: () => AppliedPlan) =>
  async (readings: readonly KpiReading[]): Promise<void> => {
    const { version: planVersion, plan } = applied();
    const formulas = new Map(plan.measures.map(({ id, version }) => [id, version]));
    await signals.appendReadings(
      readings.map(({ kpi, reading }) => ({
        kpi: kpi.id,
        atMs: reading.atMs,
        value: reading.value,
        verdict: reading.verdict,
        reason: reading.why ?? "",
        n: reading.n ?? 0,
        freshnessMs: reading.freshnessMs,
        formulaVersion: formulas.get(kpi.measure) ?? 0,
        planVersion,
      })),
    );
  };

const listen = async (server: FastifyInstance, config: Config): Promise<string> => {
  try {
    return await server.listen({ host: config.host, port: config.port });
  } catch (fault) {
    if (faultCode(fault) !== "EADDRINUSE") throw fault;
    throw new Refusal(`port ${config.port} is taken; set NOVAEVO_PORT to another one`);
  }
};
