/**
 * Reads a PostgreSQL server's own statistics: connections, sizes, replication, slow statements.
 *
 * Every query is cheap (system views, no table is scanned), runs for at most a second, on one
 * connection that is opened again when it breaks. The driver is loaded only here.
 *
 * Units:  seconds, bytes. `up` and `postgresql_up` 0 when a look fails.
 * Source: the cumulative statistics system, PostgreSQL 15 to 18; names after OpenTelemetry's
 *         postgresql receiver where it has one.
 */
import type { Client } from "pg";
import type { Collector } from "../collector.ts";
import { familyBook } from "../family.ts";
import { counter, gauge, sampler, type Observation } from "../observation.ts";

export type PostgresqlOptions = {
  readonly connectionString: string;
  readonly host: string;
  readonly service: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
};

const STATEMENT_TIMEOUT_MS = 1_000;
const SLOW_STATEMENT_SECONDS = 1;
/** pg_database_size walks the directory: not on every tick. */
const SIZE_EVERY_MS = 30_000;

/** One round trip for what changes all the time; bigint comes as text. */
const LOOK = `
select
  current_setting('max_connections')::float8 as max_connections,
  a.active, a.idle, a.in_transaction, a.total, a.slow, a.oldest_statement, a.oldest_transaction,
  a.waiting,
  d.commits, d.rollbacks, d.blocks_hit, d.blocks_read, d.deadlocks, d.temp_bytes,
  pg_is_in_recovery() as is_standby,
  extract(epoch from now() - pg_last_xact_replay_timestamp())::float8 as replay_age,
  pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() as is_caught_up,
  r.standbys, r.lag_bytes, r.lag_seconds
from (
  select
    count(*) filter (where state = 'active')::float8 as active,
    count(*) filter (where state = 'idle')::float8 as idle,
    count(*) filter (where state like 'idle in transaction%')::float8 as in_transaction,
    count(*)::float8 as total,
    count(*) filter (where wait_event_type = 'Lock')::float8 as waiting,
    count(*) filter (
      where state = 'active' and now() - query_start > make_interval(secs => $1)
    )::float8 as slow,
    coalesce(max(extract(epoch from now() - query_start))
      filter (where state = 'active'), 0)::float8 as oldest_statement,
    coalesce(max(extract(epoch from now() - xact_start)), 0)::float8 as oldest_transaction
  from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()
) a,
(
  select
    sum(xact_commit)::float8 as commits, sum(xact_rollback)::float8 as rollbacks,
    sum(blks_hit)::float8 as blocks_hit, sum(blks_read)::float8 as blocks_read,
    sum(deadlocks)::float8 as deadlocks, sum(temp_bytes)::float8 as temp_bytes
  from pg_stat_database
) d,
(
  select
    count(*)::float8 as standbys,
    max(case when pg_is_in_recovery() then null
      else pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) end)::float8 as lag_bytes,
    max(extract(epoch from replay_lag))::float8 as lag_seconds
  from pg_stat_replication
) r`;

const SIZES = `
select datname as name, pg_database_size(oid)::float8 as bytes
from pg_database where datallowconn and not datistemplate order by datname limit 100`;

const HAS_STATEMENTS = `select 1 from pg_extension where extname = 'pg_stat_statements'`;

const STATEMENTS = `
select sum(calls)::float8 as calls, sum(total_exec_time)::float8 / 1000 as seconds,
  coalesce(sum(calls) filter (where mean_exec_time > $1 * 1000), 0)::float8 as slow_calls
from pg_stat_statements`;

type Row = Readonly<Record<string, number | boolean | string | null>>;

const numberOf = (row: Row, name: string): number => {
  const value = row[name];
  return typeof value === "number" ? value : Number.NaN;
};

const replication = (row: Row): readonly Observation[] => {
  const name = "postgresql.replication.lag";
  const standbys = gauge("postgresql.replication.standbys", "{standby}", numberOf(row, "standbys"));
  const bytes = gauge("postgresql.replication.lag", "By", numberOf(row, "lag_bytes"));
  if (row["is_standby"] !== true) {
    return [standbys, bytes, gauge(name, "s", numberOf(row, "lag_seconds"))];
  }
  // Nothing to replay is no lag, however long ago the last transaction was.
  const age = row["is_caught_up"] === true ? 0 : numberOf(row, "replay_age");
  return [standbys, gauge(name, "s", age)];
};

/** As for a scrape: `up` says that the server answered a look. */
const upIs = (value: 0 | 1): readonly Observation[] => [
  gauge("postgresql.up", "", value),
  gauge("up", "", value),
];

const observe = (row: Row): readonly Observation[] => {
  const max = numberOf(row, "max_connections");
  const total = numberOf(row, "total");
  const backends = (state: string, column: string): Observation =>
    gauge("postgresql.backends", "{connection}", numberOf(row, column), { state });
  return [
    ...upIs(1),
    gauge("postgresql.connection.max", "{connection}", max),
    gauge("postgresql.connection.count", "{connection}", total),
    gauge("postgresql.connection.utilization", "1", total / max),
    backends("active", "active"),
    backends("idle", "idle"),
    backends("idle_in_transaction", "in_transaction"),
    gauge("postgresql.backends.waiting", "{connection}", numberOf(row, "waiting")),
    gauge("postgresql.statements.slow", "{statement}", numberOf(row, "slow")),
    gauge("postgresql.statement.age.max", "s", numberOf(row, "oldest_statement")),
    gauge("postgresql.transaction.age.max", "s", numberOf(row, "oldest_transaction")),
    counter("postgresql.commits", "{transaction}", numberOf(row, "commits")),
    counter("postgresql.rollbacks", "{transaction}", numberOf(row, "rollbacks")),
    counter("postgresql.blocks", "{block}", numberOf(row, "blocks_hit"), { source: "cache" }),
    counter("postgresql.blocks", "{block}", numberOf(row, "blocks_read"), { source: "disk" }),
    counter("postgresql.deadlocks", "{deadlock}", numberOf(row, "deadlocks")),
    counter("postgresql.temp.io", "By", numberOf(row, "temp_bytes")),
    ...replication(row),
  ];
};

const connect = async ({ connectionString, timeoutMs }: PostgresqlOptions): Promise<Client> => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: timeoutMs,
    application_name: "novaevo-agent",
    keepAlive: true,
  });
  // A broken idle connection is noticed by the next look; unheard it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (fault) {
    client.end().catch(() => undefined);
    throw fault;
  }
  return client;
};

export const postgresqlCollector = (
  clock: { readonly monotonic: () => number },
  options: PostgresqlOptions,
): Collector => {
  const { host, service, connectionString } = options;
  const instance = new URL(connectionString).host;
  const book = familyBook();
  const toSamples = sampler({ host, service, job: "postgresql", instance }, book);
  let client: Client | undefined;
  let hasStatements = false;
  let sizes: readonly Observation[] = [];
  let sizedMs = Number.NEGATIVE_INFINITY;

  const drop = (): void => {
    client?.end().catch(() => undefined);
    client = undefined;
  };
  const query = async (sql: string, params: readonly unknown[] = []) => {
    client ??= await connect(options);
    return (await client.query(sql, [...params])).rows as Row[];
  };
  const readSizes = async (): Promise<void> => {
    hasStatements = (await query(HAS_STATEMENTS)).length > 0;
    sizes = (await query(SIZES)).map((row) =>
      gauge("postgresql.db_size", "By", numberOf(row, "bytes"), { database: String(row["name"]) }),
    );
    sizedMs = clock.monotonic();
  };
  const readStatements = async (): Promise<readonly Observation[]> => {
    if (!hasStatements) return [];
    let row: Row;
    try {
      [row = {}] = await query(STATEMENTS, [SLOW_STATEMENT_SECONDS]);
    } catch {
      // Created but not preloaded, or not for us to read: the rest of the look stands.
      hasStatements = false;
      return [];
    }
    return [
      counter("postgresql.statement.calls", "{call}", numberOf(row, "calls")),
      counter("postgresql.statement.time", "s", numberOf(row, "seconds")),
      gauge("postgresql.statement.slow_calls", "{call}", numberOf(row, "slow_calls")),
    ];
  };
  return {
    name: "postgresql",
    intervalMs: options.intervalMs,
    timeoutMs: options.timeoutMs,
    collect: async () => {
      try {
        const [row = {}] = await query(LOOK, [SLOW_STATEMENT_SECONDS]);
        if (clock.monotonic() - sizedMs >= SIZE_EVERY_MS) await readSizes();
        return toSamples([...observe(row), ...sizes, ...(await readStatements())]);
      } catch (fault) {
        drop();
        throw fault;
      }
    },
    failed: () => toSamples(upIs(0)),
    families: () => book.due(clock.monotonic()),
    close: async () => drop(),
  };
};
