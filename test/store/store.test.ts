/** The store program, seen by ClickHouse's official client and by raw HTTP. */
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { createClient, type ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, refusedStore, startStore, type StoreProcess } from "./process.ts";

let root: string;
let store: StoreProcess;
let client: ClickHouseClient;
const auth = { "x-clickhouse-user": "novaevo", "x-clickhouse-key": PASSWORD };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "novaevo-store-"));
  store = await startStore(join(root, "a {path} with spaces, * and é"));
  client = store.client();
  await client.command({
    query: `CREATE TABLE t (id UInt64, name String DEFAULT 'none', at DateTime64(3))
            ENGINE = MergeTree ORDER BY id`,
  });
});
afterAll(async () => {
  await client?.close();
  const exit = await store?.stop();
  if (exit !== 0) throw new Error(`the store ended with ${exit}`);
  await rm(root, { recursive: true, force: true });
});

const post = (query: string, body: BodyInit = "", headers: Record<string, string> = {}) =>
  fetch(`${store.url}/?query=${encodeURIComponent(query)}`, {
    method: "POST",
    body,
    headers: { ...auth, ...headers },
  });

describe("the official client works unchanged", () => {
  test("pings, with and without a query", async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
  });

  test("binds parameters on the server, and no parameter outlives its query", async () => {
    const rows = await client.query({
      query: "SELECT {text: String} AS text, {n: UInt32} AS n, {list: Array(String)} AS list",
      query_params: { text: "it's a \\ and a\ttab", n: 7, list: ["a'b", "c"] },
      format: "JSONEachRow",
    });
    expect(await rows.json()).toEqual([{ text: "it's a \\ and a\ttab", n: 7, list: ["a'b", "c"] }]);
    for (let nth = 0; nth < 3; nth += 1)
      await expect(client.query({ query: "SELECT {text: String}" })).rejects.toThrow(
        /`text` is not set/,
      );
  });

  test("a setting holds for its query and no longer", async () => {
    const sleepy = {
      query: "SELECT sleep(0.4)",
      clickhouse_settings: {
        max_execution_time: 0.1 as never,
        timeout_before_checking_execution_speed: 0 as never,
      },
    };
    const rows = {
      query: "SELECT number FROM numbers(10)",
      clickhouse_settings: { max_result_rows: "3" },
    };
    await expect(client.query(rows)).rejects.toThrow(/Limit for result exceeded/);
    const free = await client.query({ query: "SELECT number FROM numbers(10)", format: "JSON" });
    expect((await free.json()).rows).toBe(10);
    await expect(client.query(sleepy)).rejects.toThrow(/timeout exceeded/i);
  });

  test("inserts rows as JSON, with the table's defaults for what is absent", async () => {
    await client.insert({
      table: "t",
      values: [{ id: 1 }, { id: 2, name: "two" }],
      format: "JSONEachRow",
    });
    const rows = await client.query({
      query: "SELECT id, name FROM t WHERE id <= 2 ORDER BY id",
      format: "JSONEachRow",
    });
    expect(await rows.json()).toEqual(
      [
        { id: "1", name: "none" },
        { id: "2", name: "two" },
      ].map(({ id, name }) => ({ id: expect.toSatisfy((v) => String(v) === id) as unknown, name })),
    );
  });

  test("inserts a stream of CSV", async () => {
    await client.insert({
      table: "t",
      columns: ["id", "name"],
      values: Readable.from(["10,ten\n", '11,"ele\nven"\n'], { objectMode: false }),
      format: "CSV",
    });
    const rows = await client.query({
      query: "SELECT name FROM t WHERE id IN (10, 11) ORDER BY id",
      format: "TabSeparated",
    });
    expect(await rows.text()).toBe("ten\nele\\nven\n");
  });

  test("compresses both ways", async () => {
    const packed = createClient({
      url: store.url,
      username: "novaevo",
      password: PASSWORD,
      compression: { request: true, response: true },
    });
    await packed.insert({
      table: "t",
      values: [{ id: 20, name: "é".repeat(1000) }],
      format: "JSONEachRow",
    });
    const rows = await packed.query({
      query: "SELECT name FROM t WHERE id = 20",
      format: "JSONEachRow",
    });
    expect(await rows.json()).toEqual([{ name: "é".repeat(1000) }]);
    await packed.close();
  });

  test("gives an error ClickHouse's code", async () => {
    await expect(client.query({ query: "SELECT * FROM nowhere" })).rejects.toMatchObject({
      code: "60",
      type: "UNKNOWN_TABLE",
    });
    await expect(client.query({ query: "SELEC 1" })).rejects.toMatchObject({ code: "62" });
  });

  test("a wrong password is refused", async () => {
    const stranger = createClient({ url: store.url, username: "novaevo", password: "wrong" });
    await expect(stranger.query({ query: "SELECT 1" })).rejects.toMatchObject({ code: "516" });
    await stranger.close();
  });
});

describe("raw HTTP", () => {
  test("takes binary rows in the body and gives them back", async () => {
    const made = await post(
      "SELECT number + 100 AS id, 'b' AS name, toDateTime64(0, 3) AS at FROM numbers(1000) FORMAT Native",
    );
    const block = new Uint8Array(await made.arrayBuffer());
    expect(made.headers.get("x-clickhouse-format")).toBe("Native");
    expect((await post("INSERT INTO t FORMAT Native", block)).status).toBe(200);
    expect(
      (await post("INSERT INTO t FORMAT Native", gzipSync(block), { "content-encoding": "gzip" }))
        .status,
    ).toBe(200);
    const count = await post("SELECT count() FROM t WHERE id >= 100 AND id < 1100");
    expect(await count.text()).toBe("2000\n");
  });

  test("a repeated insert token is stored once; two tokens are the control", async () => {
    const insert = (token: string) =>
      post(
        `INSERT INTO t (id) SETTINGS insert_deduplication_token = '${token}' FORMAT JSONEachRow`,
        '{"id":5000}\n',
      );
    for (const token of ["one", "one", "one"]) expect((await insert(token)).status).toBe(200);
    expect(await (await post("SELECT count() FROM t WHERE id = 5000")).text()).toBe("1\n");
    await insert("two");
    expect(await (await post("SELECT count() FROM t WHERE id = 5000")).text()).toBe("2\n");
  });

  test("a statement and its data may share the body", async () => {
    const whole = 'INSERT INTO t (id, name) FORMAT JSONEachRow\n{"id":6000,"name":"FORMAT é"}\n';
    expect((await fetch(store.url, { method: "POST", body: whole, headers: auth })).status).toBe(
      200,
    );
    await fetch(store.url, {
      method: "POST",
      body: "INSERT INTO t (id, name) VALUES (6001, 'x')",
      headers: auth,
    });
    const rows = await post("SELECT name FROM t WHERE id IN (6000, 6001) ORDER BY id");
    expect(await rows.text()).toBe("FORMAT é\nx\n");
  });

  test("carries the query's id, a summary and the exception's code", async () => {
    const answer = await fetch(`${store.url}/?query=SELECT+1&query_id=abc`, { headers: auth });
    expect(answer.headers.get("x-clickhouse-query-id")).toBe("abc");
    expect(JSON.parse(answer.headers.get("x-clickhouse-summary")!)).toMatchObject({
      read_rows: "1",
    });
    const fault = await post("SELECT * FROM nowhere");
    expect([fault.status, fault.headers.get("x-clickhouse-exception-code")]).toEqual([404, "60"]);
  });

  test.each([
    ["a write by GET", () => fetch(`${store.url}/?query=DROP+TABLE+t`, { headers: auth }), 403],
    ["SET without a session", () => post("SET max_threads = 1"), 501],
    [
      "an unknown encoding",
      () => post("INSERT INTO t FORMAT Native", "x", { "content-encoding": "br" }),
      415,
    ],
    [
      "garbage as gzip",
      () => post("INSERT INTO t FORMAT Native", "x", { "content-encoding": "gzip" }),
      400,
    ],
    ["no password", () => fetch(`${store.url}/?query=SELECT+1`), 403],
    ["another path", () => fetch(`${store.url}/play`), 404],
    ["another method", () => fetch(`${store.url}/?query=SELECT+1`, { method: "DELETE" }), 405],
    [
      "a setting with a strange name",
      () => fetch(`${store.url}/?query=SELECT+1&a%20b=1`, { headers: auth }),
      400,
    ],
  ])("%s is refused", async (_title, ask, status) => {
    expect((await ask()).status).toBe(status);
  });

  test("a query beyond its time ends, and the next one is served", async () => {
    const slow = await post(
      "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_execution_time = 1, max_block_size = 1",
    );
    expect(slow.status).toBe(408);
    expect(await (await post("SELECT 1")).text()).toBe("1\n");
  });

  test("reads go on while a write runs", async () => {
    const write = post("INSERT INTO t (id) SELECT sleep(1.5) + 7000");
    const read = await post("SELECT 2");
    expect(await read.text()).toBe("2\n");
    const first = await Promise.race([
      write.then(() => "write"),
      post("SELECT 3").then(() => "read"),
    ]);
    expect(first).toBe("read");
    expect((await write).status).toBe(200);
  });

  test("a full queue answers 503 with Retry-After", async () => {
    const asked = Array.from({ length: 140 }, () => post("SELECT sleep(0.05)"));
    const answers = await Promise.all(asked);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.headers.get("retry-after")).toBe("1");
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(128);
  }, 30_000);
});

describe("the process", () => {
  test("a second store on the same directory names the first", async () => {
    const { code, stderr } = await refusedStore(join(root, "a {path} with spaces, * and é"));
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${store.child.pid}`);
  });

  test("a taken port is named", async () => {
    const port = new URL(store.url).port;
    const { code, stderr } = await refusedStore(join(root, "other"), { NOVAEVO_STORE_PORT: port });
    expect([code, stderr.includes("NOVAEVO_STORE_PORT")]).toEqual([1, true]);
  });

  test("a directory one may not write to is named", async () => {
    const dir = join(root, "locked");
    await mkdir(dir, { mode: 0o500 });
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(dir, 65_534, 65_534);
    // Root may write everywhere; root without these may not.
    const as = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
    const { code, stderr } = await refusedStore(dir, {}, isRoot ? as : []);
    await chmod(dir, 0o700);
    expect([code, stderr.includes("may not write")]).toEqual([1, true]);
  });

  test("SIGTERM ends it cleanly, and what it held is there again", async () => {
    const dir = join(root, "again");
    const first = await startStore(dir);
    const one = first.client();
    await one.command({ query: "CREATE TABLE k (id UInt64) ENGINE = MergeTree ORDER BY id" });
    await one.insert({ table: "k", values: [{ id: 1 }], format: "JSONEachRow" });
    await one.close();
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    const second = await startStore(dir);
    const two = second.client();
    const rows = await two.query({ query: "SELECT count() AS n FROM k", format: "TabSeparated" });
    expect(await rows.text()).toBe("1\n");
    await two.close();
    expect(await second.stop()).toBe(0);
  });
});
