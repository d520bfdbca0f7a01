/**
 * PostgreSQL as flows see it: plain SQL, a pool, and a transaction that commits or throws.
 *
 * Units:  `bigint` columns arrive as strings where they may pass 2^53, timestamps as `Date`.
 * Errors: driver errors pass through; `isUnavailable` says which of them may be tried again.
 */
import pg from "pg";

export type Sql = {
  readonly query: <R extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    params?: readonly unknown[],
  ) => Promise<readonly R[]>;
};
export type Tx = Sql & { readonly inTransaction: true };
export type Db = Sql & {
  readonly tx: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

const DEFAULT_POOL = 8;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_MS = 30_000;

export const openDb = (options: {
  readonly connectionString: string;
  readonly max?: number;
  readonly name?: string;
  /** Called when an idle connection breaks; the pool opens another on its own. */
  readonly onIdleFault?: (fault: Error) => void;
}): Db => {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.max ?? DEFAULT_POOL,
    application_name: options.name ?? "novaevo",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
  });
  pool.on("error", (fault) => options.onIdleFault?.(fault));
  const on = (client: Pick<pg.ClientBase, "query">): Sql => ({
    query: async <R extends pg.QueryResultRow>(text: string, params: readonly unknown[] = []) =>
      (await client.query<R>(text, [...params])).rows,
  });
  return {
    ...on(pool),
    tx: (work) => inTransaction(pool, (client) => work({ ...on(client), inTransaction: true })),
    close: () => pool.end(),
  };
};

const inTransaction = async <T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("BEGIN");
    const value = await work(client);
    await client.query("COMMIT");
    return value;
  } catch (fault) {
    await client.query("ROLLBACK").catch((second: Error) => (broken = second));
    throw fault;
  } finally {
    // A connection whose ROLLBACK failed is in an unknown state: it must not be used again.
    client.release(broken);
  }
};

export const isAnswering = (sql: Sql): Promise<boolean> =>
  sql.query("SELECT 1").then(
    () => true,
    () => false,
  );

/** 57P03, cannot_connect_now: it starts, stops or recovers. */
export const isStarting = (fault: Error): boolean => "code" in fault && fault.code === "57P03";

/** SQLSTATE classes that say "the server is away or refuses for now". */
const UNAVAILABLE = /^(08|53|57P)/;
const NETWORK = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"]);

export const isUnavailable = (fault: unknown): boolean => {
  if (!(fault instanceof Error)) return false;
  const code = "code" in fault ? String(fault.code) : "";
  if (UNAVAILABLE.test(code) || NETWORK.has(code)) return true;
  return /connection terminated|timeout exceeded when trying to connect/i.test(fault.message);
};
