/**
 * The embedded ClickHouse: one data directory, one session for writes, two for reads.
 *
 * Shape:  `run` queues a statement for its lane and answers with the result's bytes. A session
 *         runs one query at a time, and its settings are made equal to the request's before it.
 * Units:  ms, bytes.
 * Errors: EngineFault "query" carries ClickHouse's text and code; "busy": too many wait.
 * Why:    reads never wait for an insert, nor inserts for a read. The engine does not obey an
 *         abort, so a query that nobody waits for any more is only dropped while it is queued.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import chdb from "chdb";
import { codeIn, quoted } from "../protocol.ts";
import { configXml, effective, undurable } from "./settings.ts";

export type Job = {
  readonly lane: "read" | "write";
  readonly sql: string;
  readonly format: string;
  readonly database: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};
export type Answer = {
  readonly bytes: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
};
export type Engine = {
  readonly version: string;
  readonly run: (job: Job) => Promise<Answer>;
  readonly running: () => number;
  /** Lets what runs and waits finish, then closes the data directory. */
  readonly close: () => Promise<void>;
};

export class EngineFault extends Error {
  override readonly name = "EngineFault";
  readonly reason: "query" | "busy" | "closed" | "gone";
  readonly code: number | undefined;
  constructor(reason: EngineFault["reason"], message: string, code?: number) {
    super(message);
    this.reason = reason;
    this.code = code;
  }
}

const READ_SESSIONS = 2;
const MAX_QUEUED = 128;

type Seat = {
  readonly session: chdb.Session;
  settings: Readonly<Record<string, string>>;
  params: Readonly<Record<string, string>>;
  database: string;
};
type Waiting = { readonly job: Job; readonly start: (seat: Seat) => void };
type Lane = { readonly idle: Seat[]; readonly queue: Waiting[]; readonly size: number };

export const openEngine = async (options: {
  readonly dataDir: string;
  readonly configFile: string;
  /** Only for a test that must see a start refused. */
  readonly mergeSettings?: Readonly<Record<string, string>>;
}): Promise<Engine> => {
  await writeFile(options.configFile, configXml(options.mergeSettings), { mode: 0o600 });
  const connectionArgs = [`--config-file=${options.configFile}`];
  const seats = Array.from({ length: READ_SESSIONS + 1 }, () => {
    const session = new chdb.Session(options.dataDir, { connectionArgs });
    return { session, settings: {}, params: {}, database: "default" };
  });
  const engine = engineOver(seats, await versionOf(seats[0]!));
  try {
    await assertDurable(seats[0]!);
  } catch (fault) {
    await engine.close();
    throw fault;
  }
  return engine;
};

const engineOver = (seats: readonly Seat[], version: string): Engine => {
  const lanes: Readonly<Record<Job["lane"], Lane>> = {
    write: { idle: seats.slice(0, 1), queue: [], size: 1 },
    read: { idle: seats.slice(1), queue: [], size: seats.length - 1 },
  };
  let closing: Promise<void> | undefined;
  let active = 0;
  const next = (lane: Lane): void => {
    while (lane.idle.length > 0 && lane.queue.length > 0) {
      const waiting = lane.queue.shift()!;
      waiting.start(lane.idle.pop()!);
    }
  };
  const run = async (job: Job): Promise<Answer> => {
    if (closing !== undefined) throw new EngineFault("closed", "the store is stopping");
    const lane = lanes[job.lane];
    if (lane.queue.length >= MAX_QUEUED)
      throw new EngineFault("busy", `${MAX_QUEUED} queries already wait for the store`, 202);
    active += 1;
    const seat = await new Promise<Seat>((start) => {
      lane.queue.push({ job, start });
      next(lane);
    });
    try {
      if (job.signal.aborted) throw new EngineFault("gone", "the client left before its turn");
      return await execute(seat, job);
    } finally {
      active -= 1;
      lane.idle.push(seat);
      next(lane);
    }
  };
  return {
    version,
    run,
    running: () => active,
    close: () => {
      closing ??= (async () => {
        while (active > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
        for (const { session } of seats) session.close();
        await chdb.drainPending();
      })();
      return closing;
    },
  };
};

const DRAIN_POLL_MS = 20;

const execute = async (seat: Seat, job: Job): Promise<Answer> => {
  const started = performance.now();
  try {
    await prepare(seat, job);
    const result = await seat.session.queryAsync(job.sql, { format: job.format });
    const { rowsRead, bytesRead } = result;
    const elapsedMs = performance.now() - started;
    return { bytes: result.bytes(), rowsRead, bytesRead, elapsedMs };
  } catch (fault) {
    if (fault instanceof EngineFault) throw fault;
    const message = fault instanceof Error ? fault.message : String(fault);
    throw new EngineFault("query", message, codeIn(message));
  }
};

/** Makes the session's settings, parameters and database exactly those of the request. */
const prepare = async (seat: Seat, job: Job): Promise<void> => {
  const leftover = Object.keys(seat.params).find(
    (name) => job.params[name] === undefined && asksFor(job.sql, name),
  );
  if (leftover !== undefined) {
    const message = `Code: 456. DB::Exception: Substitution \`${leftover}\` is not set. (UNKNOWN_QUERY_PARAMETER)`;
    throw new EngineFault("query", message, 456);
  }
  const settings = effective(job.settings);
  const changes: string[] = [];
  for (const [name, value] of Object.entries(settings))
    if (seat.settings[name] !== value) changes.push(`${name} = ${quoted(value)}`);
  for (const name of Object.keys(seat.settings))
    if (settings[name] === undefined) changes.push(`${name} = DEFAULT`);
  for (const [name, value] of Object.entries(job.params))
    if (seat.params[name] !== value) changes.push(`param_${name} = ${quoted(value)}`);
  if (changes.length > 0) {
    // Until the SET is through, nobody knows what is in force: the next request sets all again.
    const known = Object.keys({ ...seat.settings, ...settings });
    seat.settings = Object.fromEntries(known.map((name) => [name, "?"]));
    await seat.session.queryAsync(`SET ${changes.join(", ")}`);
    seat.settings = settings;
    seat.params = { ...seat.params, ...job.params };
  }
  if (seat.database === job.database) return;
  await seat.session.queryAsync(`USE ${identifier(job.database)}`);
  seat.database = job.database;
};

const asksFor = (sql: string, param: string): boolean =>
  new RegExp(`\\{\\s*${param.replaceAll(".", "\\.")}\\s*:`).test(sql);

const identifier = (name: string): string =>
  `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;

const rowsOf = async <Row>(seat: Seat, sql: string): Promise<readonly Row[]> => {
  const result = await seat.session.queryAsync(sql, { format: "JSONEachRow" });
  const lines = result.text().split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Row);
};

const versionOf = async (seat: Seat): Promise<string> =>
  (await rowsOf<{ v: string }>(seat, "SELECT version() AS v"))[0]!.v;

const assertDurable = async (seat: Seat): Promise<void> => {
  const settings = await rowsOf<{ name: string; value: string }>(
    seat,
    "SELECT name, value FROM system.merge_tree_settings",
  );
  const tables = await rowsOf<{ table: string; engine: string }>(
    seat,
    `SELECT database || '.' || name AS table, engine_full AS engine
     FROM system.tables WHERE engine LIKE '%MergeTree'`,
  );
  const inForce = new Map(settings.map(({ name, value }) => [name, value]));
  const wrong = undurable(inForce, tables);
  if (wrong.length === 0) return;
  throw new Error(`the store would lose data in a power cut: ${wrong.join("; ")}`);
};

/** Where the engine's files lie below the store's own directory. */
export const layoutOf = (dir: string) => ({
  data: join(dir, "data"),
  incoming: join(dir, "incoming"),
  configFile: join(dir, "engine.xml"),
});
