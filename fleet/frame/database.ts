/**
 * PostgreSQL for a service: a small pool, the schema made before the first statement, the fault
 * `partition` in between.
 *
 * Errors: driver errors and `NetworkLost` pass through; the server answers them with 503 where
 *         they say that the database is away.
 */
import { openDb, type Db } from "../../src/io/postgres/db.ts";
import type { Log } from "../../src/io/log/json-log.ts";
import { NetworkLost, type Faults } from "./faults.ts";
import { makeSchema } from "./schema.store.ts";

const DEFAULT_POOL = 4;

export const openDatabase = (
  deps: { readonly faults: Faults; readonly log: Log },
  options: {
    readonly url: string;
    readonly service: string;
    readonly instance: string;
    readonly ddl: string;
    readonly max?: number;
  },
): Db => {
  const db = openDb({
    connectionString: options.url,
    max: options.max ?? DEFAULT_POOL,
    name: options.instance,
    onIdleFault: (fault) => deps.log.warn("a connection to the database broke", { fault }),
  });
  let made: Promise<void> | undefined;
  // A database that is away at the start must not end the process: the next statement tries again.
  const ready = (): Promise<void> => {
    made ??= makeSchema(db, options.service, options.ddl).catch((fault: unknown) => {
      made = undefined;
      throw fault;
    });
    return made;
  };
  const reach = async (): Promise<void> => {
    const lostMs = deps.faults.losesCall("database");
    if (lostMs !== undefined) {
      await new Promise((resolve) => void setTimeout(resolve, lostMs));
      throw new NetworkLost("the database");
    }
    await ready();
  };
  return {
    query: async (text, params) => {
      await reach();
      return db.query(text, params);
    },
    tx: async (work) => {
      await reach();
      return db.tx(work);
    },
    close: db.close,
  };
};
