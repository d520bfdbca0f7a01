/**
 * ClickHouse over HTTP, embedded or a server: queries by the official client, blocks by a POST.
 *
 * Shape:  `openStore({ url })`; user and password may be in the URL. `insert` sends one Native
 *         block and resolves when ClickHouse has it; the token makes a repeat harmless.
 * Units:  ms.
 * Errors: StoreFault, with ClickHouse's code where there is one.
 */
import {
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
  type ClickHouseClient,
} from "@clickhouse/client";
import { StoreFault } from "./fault.ts";
import { openPoster, type Poster } from "./post.ts";
import { codeIn } from "./protocol.ts";

export type Params = Readonly<Record<string, string | number | readonly string[]>>;
export type Store = {
  /** DDL and DELETE. */
  readonly command: (sql: string, params?: Params) => Promise<void>;
  readonly rows: <Row>(sql: string, params?: Params) => Promise<readonly Row[]>;
  /** The result as Native blocks. */
  readonly blocks: (sql: string, params?: Params) => Promise<Uint8Array>;
  readonly insert: (
    into: { readonly table: string; readonly columns: readonly string[]; readonly token?: string },
    block: Uint8Array | readonly Uint8Array[],
  ) => Promise<void>;
  readonly ping: () => Promise<boolean>;
  readonly close: () => Promise<void>;
};

export const storeVersion = async ({ rows }: Pick<Store, "rows">): Promise<string | undefined> =>
  (await rows<{ version: string }>("SELECT version() AS version"))[0]?.version;

export type StoreAddress = {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
};

const REQUEST_TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 2_000;
const MAX_SOCKETS = 4;
const QUERY_S = 20;

export const openStore = (address: StoreAddress): Store => {
  const url = new URL(address.url);
  const user = address.user ?? (decodeURIComponent(url.username) || "default");
  const password = address.password ?? decodeURIComponent(url.password);
  url.username = "";
  url.password = "";
  const database = url.pathname.replaceAll("/", "") || "default";
  const client = createClient({
    url: url.origin,
    username: user,
    password,
    database,
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: MAX_SOCKETS,
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { max_execution_time: QUERY_S, wait_end_of_query: 1 },
  });
  const poster = openPoster(MAX_SOCKETS);
  const auth = { "x-clickhouse-user": user, "x-clickhouse-key": password };
  return {
    ...queriesOf(client),
    insert: (into, block) =>
      insertBlock(
        poster,
        { url: new URL(url.origin), database, headers: auth },
        into,
        block instanceof Uint8Array ? [block] : block,
      ),
    ping: async () => {
      const answer = await fetch(new URL("/ping", url.origin), {
        signal: AbortSignal.timeout(PING_TIMEOUT_MS),
      }).catch(() => undefined);
      return answer?.ok ?? false;
    },
    close: async () => {
      poster.close();
      await client.close();
    },
  };
};

const queriesOf = (client: ClickHouseClient): Pick<Store, "command" | "rows" | "blocks"> => ({
  command: (sql, params = {}) =>
    named(async () => {
      await client.command({ query: sql, query_params: { ...params } });
    }),
  rows: <Row>(sql: string, params: Params = {}) =>
    named(async () => {
      const answer = await client.query({
        query: sql,
        query_params: { ...params },
        format: "JSONEachRow",
      });
      return await answer.json<Row>();
    }),
  blocks: (sql, params = {}) =>
    named(async () => {
      const query = `${sql} FORMAT Native`;
      const answer = await client.exec({ query, query_params: { ...params } });
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.stream) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    }),
});

const insertBlock = (
  { post }: Poster,
  at: {
    readonly url: URL;
    readonly database: string;
    readonly headers: Readonly<Record<string, string>>;
  },
  into: { readonly table: string; readonly columns: readonly string[]; readonly token?: string },
  parts: readonly Uint8Array[],
): Promise<void> =>
  named(async () => {
    const { url, database, headers } = at;
    const query = `INSERT INTO ${into.table} (${into.columns.join(", ")}) FORMAT Native`;
    const settings = { query, database, wait_end_of_query: "1", async_insert: "0" };
    url.search = new URLSearchParams(settings).toString();
    if (into.token !== undefined) url.searchParams.set("insert_deduplication_token", into.token);
    const { status, header, text } = await post(url, headers, parts, REQUEST_TIMEOUT_MS);
    if (status === 200 && text === "") return;
    const code = Number(header("x-clickhouse-exception-code") ?? codeIn(text));
    throw new StoreFault(text.slice(0, 500), Number.isNaN(code) ? undefined : code);
  });

/** Every way a request can fail, as one kind of fault. */
const named = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (fault) {
    if (fault instanceof StoreFault) throw fault;
    if (fault instanceof ClickHouseError)
      throw new StoreFault(fault.message, Number(fault.code), fault);
    throw new StoreFault(fault instanceof Error ? causeOf(fault) : String(fault), undefined, fault);
  }
};

const causeOf = (fault: Error): string =>
  fault.cause instanceof Error ? `${fault.message}: ${fault.cause.message}` : fault.message;
