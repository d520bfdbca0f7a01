/**
 * The whole API on a database of its own: every handler is the hub's, only the telemetry engine is
 * replaced by one that has no data. One alert fires, every gate was judged, the ledger has a head.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { argon2Hasher } from "../../src/account/adapters/argon2.ts";
import { accountRoutes, authenticateRequest } from "../../src/account/account.routes.ts";
import { openAccounts } from "../../src/account/accounts.flow.ts";
import { sessionCookie } from "../../src/account/cookie.ts";
import { SYSTEM, type Principal } from "../../src/account/principal.ts";
import { ROLES, type Role } from "../../src/contract/route.ts";
import { hubMetrics } from "../../src/io/http/metrics.ts";
import { LOOPBACK_HOSTS } from "../../src/io/http/origin.ts";
import { servePages } from "../../src/io/http/pages.ts";
import { buildServer, type ServerDeps } from "../../src/io/http/server.ts";
import { openStream } from "../../src/io/http/stream.ts";
import { ok, type Result } from "../../src/kernel/result.ts";
import { jsonLog } from "../../src/io/log/json-log.ts";
import { openGates } from "../../src/launch/gate/gate.flow.ts";
import { gateList, gateRoutes } from "../../src/launch/gate/gate.routes.ts";
import { kpiList, kpiRoutes } from "../../src/launch/kpi/kpi.routes.ts";
import type { Reading } from "../../src/launch/kpi/reading.ts";
import type { AppliedPlan } from "../../src/launch/plan/applied.ts";
import { applyPlan } from "../../src/launch/plan/plan.flow.ts";
import { planRoutes } from "../../src/launch/plan/plan.routes.ts";
import { problemLine } from "../../src/launch/plan/report.ts";
import { headFile } from "../../src/ledger/adapters/head-file.ts";
import { openLedgerKey } from "../../src/ledger/adapters/key-file.ts";
import { verifierOf } from "../../src/ledger/adapters/node-crypto.ts";
import { ledgerRoutes } from "../../src/ledger/ledger.routes.ts";
import { record } from "../../src/ledger/record.store.ts";
import { createTicker } from "../../src/ledger/sequencer.flow.ts";
import { systemRoutes } from "../../src/programs/hub/system.routes.ts";
import { actionRoutes } from "../../src/respond/action/action.routes.ts";
import { openAlerts } from "../../src/respond/alert/alert.flow.ts";
import { insertAlert } from "../../src/respond/alert/alert.store.ts";
import { alertRoutes } from "../../src/respond/alert/alert.routes.ts";
import type { OpsDeps } from "../../src/respond/ops/ops.flow.ts";
import { opsRoutes } from "../../src/respond/ops/ops.routes.ts";
import { tabRoutes } from "../../src/respond/ops/tabs.routes.ts";
import { faultRoutes } from "../../src/respond/rehearsal/fault.routes.ts";
import { telemetryRoutes } from "../../src/watch/intake/telemetry.routes.ts";
import { openLabelQueries } from "../../src/watch/signal/query/label-query.flow.ts";
import { newMetadataBook } from "../../src/watch/signal/metadata.ts";
import { openPrometheus } from "../../src/watch/signal/prometheus/prometheus.flow.ts";
import { prometheusRoutes } from "../../src/watch/signal/prometheus/prometheus.routes.ts";
import { openQueries } from "../../src/watch/signal/query/query.flow.ts";
import type { Signals } from "../../src/watch/signal/signals.ts";
import { newWindow } from "../../src/watch/signal/window/window.ts";
import { novaevoText, planOf, sha256 } from "../plan/small-plan.ts";
import { actuatorOn, newWorld, openHub } from "../respond/action-lab.ts";
import { testDb, type TestDb } from "../postgres.ts";

export const VERSION = "9.9.9";
export const PORT = 4600;
export type Caller = Role | "anonymous";
export const CALLERS: readonly Caller[] = [...ROLES, "anonymous"];

export const value = <T>(result: Result<T, unknown>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

/** The engine's own answers, over a window and a store that hold nothing. */
const NOTHING = {
  ...{ window: newWindow(), ready: () => true, seamMs: () => -Infinity, oldestMs: () => null },
  ...{ store: { rows: async () => [], blocks: async () => new Uint8Array() }, monotonic: () => 0 },
};
const queries = openQueries(NOTHING);

const NO_SIGNALS: Signals = {
  ...queries,
  prometheus: openPrometheus({
    ...{ queries, labels: openLabelQueries(NOTHING) },
    metadata: newMetadataBook(),
  }),
  ingest: async ({ seq }) =>
    ok({ accepted: seq, stored: 0, duplicate: false, samples: 0, complaints: [] }),
  take: async () => ok({ taken: 0, rejected: 0, complaints: [] }),
  agentState: async () => ({ accepted: 3, stored: 2 }),
  appendReadings: async () => undefined,
  readings: async () => [],
  status: async () => ({
    ...{ series: 0, samples: 0, windowBytes: 0, logBytes: 0, logRecordsPending: 0 },
    ...{ refilled: true, lastSampleMs: null, storeFault: null },
  }),
  onAdvance: () => () => undefined,
  close: async () => undefined,
};

export type Lab = {
  readonly db: TestDb;
  readonly server: FastifyInstance;
  readonly dataDir: string;
  readonly accounts: ReturnType<typeof openAccounts>;
  readonly stream: ReturnType<typeof openStream>;
  readonly metrics: ReturnType<typeof hubMetrics>;
  readonly cookieName: string;
  readonly logged: readonly string[];
  /** A bearer token of each role. */
  readonly tokens: Readonly<Record<Role, string>>;
  readonly authorization: (caller: Caller) => Readonly<Record<string, string>>;
  readonly alertId: string;
  /** Moves the clock of sign-in attempts and of remembered callers. */
  readonly pass: (ms: number) => void;
  /** Places and signs what was recorded. */
  readonly sequence: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export const openLab = async (
  replace: {
    readonly authenticate?: ServerDeps["authenticate"];
    readonly recheckMs?: number;
    readonly tls?: boolean;
    readonly trustProxy?: boolean;
    readonly port?: number;
    /** An engine that has data, in place of the empty one. */
    readonly signals?: Signals;
  } = {},
): Promise<Lab> => {
  const db = await testDb();
  const dataDir = await mkdtemp(path.join(tmpdir(), "novaevo-lab-"));
  let elapsedMs = 0;
  const clock = { now: () => Date.now(), monotonic: () => elapsedMs };
  const logged: string[] = [];
  const log = jsonLog("lab", { write: (line) => logged.push(line) });
  const parsed = planOf(novaevoText);
  let applied: AppliedPlan = { ...parsed, version: 1, warnings: parsed.warnings.map(problemLine) };
  const apply = applyPlan({ db, clock, record, sha256 });
  value(await apply({ text: novaevoText, file: "novaevo.yaml", actor: SYSTEM.id }));
  const alertId = await fireOne(db);

  const signer = await openLedgerKey(dataDir);
  const memory = headFile(dataDir);
  const ticker = createTicker({
    db,
    clock,
    signer,
    memory,
    holder: "lab",
    onFault: (message) => log.error(message),
  });
  const sequence = async (): Promise<void> => {
    elapsedMs += 1_000;
    await ticker.tick();
  };
  const ask: OpsDeps["ask"] = async (questions) =>
    questions.map(() => ({ kind: "missing", why: "no_data" }) as const);
  const fence = async (): Promise<boolean> => true;
  const alerts = await openAlerts({ db, clock, applied: () => applied, record, fence });
  const latest = (): ReadonlyMap<string, Reading> => new Map();
  const deps = { db, clock, applied: () => applied, ask, record, fence, latest };
  const gates = await openGates(deps);
  await gates.tick();
  const world = newWorld();
  const { actions } = await openHub(
    db,
    world,
    { now: Date.now() },
    {
      actuator: actuatorOn(world, Date.now),
    },
  );
  const change = { kind: "shed", level: 1 } as const;
  await actions.ask(ADMIN, { change, reason: "a drill", dryRun: false });
  const metrics = hubMetrics();
  const stream = openStream("lab", metrics);
  const accounts = openAccounts({ db, clock, hasher: argon2Hasher() });
  const cookie = sessionCookie({ tls: replace.tls ?? false, port: replace.port ?? PORT });
  const ops: OpsDeps = {
    ...{ clock, applied: () => applied, ask, firing: alerts.firing },
    askRange: async () => ok(new Map()),
    kpis: () => kpiList(applied, latest()),
    gates: () => gateList({ applied: () => applied, judged: gates.judged }),
    lastSampleMs: () => null,
    ledger: () => ({ size: 1, pending: 0 }),
  };
  const signals = replace.signals ?? NO_SIGNALS;
  const server = await buildServer({
    authenticate: replace.authenticate ?? authenticateRequest({ accounts, cookie }),
    hosts: new Set(LOOPBACK_HOSTS),
    metrics,
    log,
    ...(replace.recheckMs === undefined ? {} : { recheckMs: replace.recheckMs }),
    ...(replace.trustProxy === undefined ? {} : { trustProxy: replace.trustProxy }),
    handlers: {
      ...systemRoutes({
        ...{ signals, metrics, log, version: VERSION },
        waiting: async () => [],
        draining: () => false,
      }),
      ...telemetryRoutes({ signals, metrics, draining: () => false }),
      ...prometheusRoutes({ signals, version: VERSION, now: clock.now }),
      ...accountRoutes({ accounts, cookie }),
      ...opsRoutes({ ...ops, stream, services: () => ({ items: [] }) }),
      ...tabRoutes({ clock, applied: () => applied, signals }),
      ...kpiRoutes({ applied: () => applied, latest, now: clock.now, history: async () => [] }),
      ...gateRoutes({ applied: () => applied, judged: gates.judged }),
      ...alertRoutes({ sql: db, firing: alerts.firing, actionOf: actions.actionOf }),
      ...actionRoutes({ sql: db, applied: () => applied, now: clock.now, actions }),
      ...faultRoutes({ applied: () => applied, doors: undefined }),
      ...planRoutes({
        ...{ sql: db, sha256, applied: () => applied, apply },
        onApplied: async () => {
          applied = { ...applied, version: applied.version + 1 };
        },
      }),
      ...ledgerRoutes({ sql: db, verifier: verifierOf(signer.key), memory }),
    },
  });
  await servePages(server);
  await sequence();
  const tokens = await tokensOf(accounts);
  return {
    ...{ db, server, dataDir, accounts, stream, metrics, logged, tokens, alertId, sequence },
    cookieName: cookie.name,
    authorization: (caller) =>
      caller === "anonymous" ? {} : { authorization: `Bearer ${tokens[caller]}` },
    pass: (ms) => {
      elapsedMs += ms;
    },
    close: async () => {
      stream.close();
      await server.close();
      await db.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const tokensOf = async (
  accounts: ReturnType<typeof openAccounts>,
): Promise<Record<Role, string>> => {
  const made: Partial<Record<Role, string>> = {};
  for (const role of ROLES) {
    made[role] = value(
      await accounts.createToken({ actor: SYSTEM, name: `${role} of the lab`, role }),
    ).secret;
  }
  return made as Record<Role, string>;
};

const fireOne = async (db: TestDb): Promise<string> => {
  const atMs = Date.now();
  const both = (text: string) => ({ fr: text, en: text });
  const row = await db.tx((tx) =>
    insertAlert(
      tx,
      {
        ...{
          fingerprint: "f",
          kpi: "availability",
          rule: null,
          service: null,
          severity: "critical",
        },
        ...{ title: both("Availability"), owner: both("SRE"), unit: "ratio" },
        ...{ breachedAtMs: atMs, startedAtMs: atMs, value: 0.5, threshold: "<99.9%" },
      },
      1,
    ),
  );
  return `ALT-${row.id}`;
};

/** A session's cookie header of somebody who signed in with a code. */
export const sessionOf = async (lab: Lab): Promise<string> => {
  const { code } = await lab.accounts.issueSignInCode();
  const answer = await lab.server.inject({
    method: "POST",
    url: "/api/app/session/code",
    payload: { code },
  });
  const [cookie] = answer.cookies;
  if (cookie === undefined) throw new Error(`no cookie: ${answer.body}`);
  return `${cookie.name}=${cookie.value}`;
};

export const ADMIN: Principal = { id: "token:x", name: "x", role: "admin", via: "token" };
