/**
 * ClickHouse's HTTP protocol in front of the embedded engine, on loopback.
 *
 * Shape:  GET /ping; GET and POST / with `query`, settings, `param_…`, a body that is the statement
 *         or an INSERT's data. Every result is complete before its first byte is sent, so a status
 *         of 200 is the truth (as `wait_end_of_query=1` makes it on a server).
 * Errors: ClickHouse's own texts, codes (`X-ClickHouse-Exception-Code`) and HTTP status; 503 with
 *         Retry-After when the queue is full or the store stops.
 */
import { randomUUID, timingSafeEqual, createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  askedBy,
  codeIn,
  contentTypeOf,
  credentialsOf,
  formatIn,
  quoted,
  refused,
  statusOf,
  type Asked,
  type Credentials,
  type Refused,
} from "../protocol.ts";
import { classify } from "../statement.ts";
import { BodyFault, readStatement, type Incoming, type IncomingFile } from "./body.ts";
import { EngineFault, type Answer, type Engine, type Job } from "./engine.ts";

export type StoreServer = {
  readonly port: number;
  readonly close: () => Promise<void>;
};
type Deps = {
  readonly engine: Engine;
  readonly incoming: Incoming;
  readonly credentials: Credentials;
};

const HOST = "127.0.0.1";
const MAX_HEADER_BYTES = 512 * 1024;
const HEADERS_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const RETRY_AFTER_S = "1";
const gzipped = promisify(gzip);

export const startStoreServer =
  (deps: Deps) =>
  async (port: number): Promise<StoreServer> => {
    const server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => void serve(deps, request, response),
    );
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, HOST, resolve);
    });
    return {
      port: (server.address() as AddressInfo).port,
      close: () => closeServer(server),
    };
  };

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });

const serve = async (
  deps: Deps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    await route(deps, request, response, gone.signal);
  } catch (fault) {
    if (!response.headersSent) answerFault(response, fault);
    else response.destroy();
  }
};

const route = async (
  deps: Deps,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> => {
  const url = new URL(request.url ?? "/", `http://${HOST}`);
  if (url.pathname === "/ping" || url.pathname === "/replicas_status")
    return void response.end("Ok.\n");
  if (url.pathname !== "/")
    return void response.writeHead(404).end(`There is no handle ${url.pathname}\n`);
  if (request.method === "GET" && url.search === "") return void response.end("Ok.\n");
  if (request.method !== "GET" && request.method !== "POST")
    return void response.writeHead(405, { allow: "GET, POST" }).end();
  if (!same(credentialsOf(url, request.headers), deps.credentials))
    return answerRefused(response, AUTHENTICATION_FAILED);
  const asked = askedBy(url, request.headers);
  if (!asked.ok) return answerRefused(response, asked.error);
  const queryId = asked.value.queryId ?? randomUUID();
  response.setHeader("x-clickhouse-query-id", queryId);
  const { answer, format } = await perform(deps, request, asked.value, signal);
  await send(response, asked.value, answer, format);
};

const AUTHENTICATION_FAILED = refused(
  516,
  "AUTHENTICATION_FAILED",
  "Authentication failed: password is incorrect, or there is no user with such name.",
);

/** Compares digests, so that neither content nor length is told by the time it takes. */
const same = (given: Credentials, expected: Credentials): boolean => {
  const digest = ({ user, password }: Credentials) =>
    createHash("sha256")
      .update(JSON.stringify([user, password]))
      .digest();
  return timingSafeEqual(digest(given), digest(expected));
};

type Performed = { readonly answer: Answer; readonly format: string };

const perform = async (
  deps: Deps,
  request: IncomingMessage,
  asked: Asked,
  signal: AbortSignal,
): Promise<Performed> => {
  const inUrl = classify(asked.query);
  if (asked.query !== "" && inUrl.kind === "insert") {
    const first = Buffer.from(asked.query.slice(inUrl.dataAt));
    const file = await deps.incoming.receive(request, first);
    return insertFile(deps, asked, inUrl, file, signal);
  }
  const body = await readStatement(request);
  const whole = asked.query === "" ? body : Buffer.concat([Buffer.from(`${asked.query}\n`), body]);
  // Latin-1 keeps one character per byte, so an offset in the text is one in the bytes.
  const statement = classify(whole.toString("latin1"));
  if (statement.kind === "insert" && statement.dataAt < whole.length) {
    const head = Buffer.from(statement.head, "latin1").toString("utf8");
    const file = await deps.incoming.keep(whole.subarray(statement.dataAt));
    return insertFile(deps, asked, { ...statement, head }, file, signal);
  }
  if (statement.kind === "session")
    throw new EngineFault(
      "query",
      "Code: 48. DB::Exception: SET and USE have no effect without a session; send settings with the query. (NOT_IMPLEMENTED)",
      48,
    );
  const lane = statement.kind === "read" ? "read" : "write";
  if (request.method === "GET" && lane === "write")
    throw new EngineFault(
      "query",
      "Code: 164. DB::Exception: Cannot execute query in readonly mode: use POST to change data. (READONLY)",
      164,
    );
  const sql = whole.toString("utf8");
  const answer = await deps.engine.run(job(asked, lane, sql, signal));
  return { answer, format: formatIn(sql, asked.format) };
};

const job = (asked: Asked, lane: Job["lane"], sql: string, signal: AbortSignal): Job => ({
  lane,
  sql,
  format: asked.format,
  database: asked.database ?? "default",
  settings: asked.settings,
  params: asked.params,
  signal,
});

const insertFile = async (
  { engine }: Deps,
  asked: Asked,
  { head, format }: { readonly head: string; readonly format: string },
  file: IncomingFile,
  signal: AbortSignal,
): Promise<Performed> => {
  try {
    // Without a structure of its own, file() takes the names and types of the table.
    const sql = `${head} SELECT * FROM file(${quoted(file.path)}, ${format})`;
    const settings = { ...asked.settings, ...FROM_TABLE };
    const answer = await engine.run({ ...job(asked, "write", sql, signal), settings });
    return { answer, format: asked.format };
  } finally {
    await file.discard();
  }
};

const FROM_TABLE = { use_structure_from_insertion_table_in_table_functions: "1" };

const send = async (
  response: ServerResponse,
  asked: Asked,
  answer: Answer,
  format: string,
): Promise<void> => {
  response.setHeader("content-type", contentTypeOf(format));
  response.setHeader("x-clickhouse-format", format);
  response.setHeader("x-clickhouse-timezone", "UTC");
  response.setHeader("x-clickhouse-server-display-name", "novaevo-store");
  response.setHeader(
    "x-clickhouse-summary",
    JSON.stringify({
      read_rows: String(answer.rowsRead),
      read_bytes: String(answer.bytesRead),
      result_bytes: String(answer.bytes.length),
      elapsed_ns: String(Math.round(answer.elapsedMs * 1e6)),
    }),
  );
  if (!asked.gzip || answer.bytes.length === 0) return void response.end(answer.bytes);
  response.setHeader("content-encoding", "gzip");
  response.end(await gzipped(answer.bytes));
};

const answerRefused = (response: ServerResponse, { code, message }: Refused): void =>
  answerText(response, statusOf(code), code, message);

const answerText = (
  response: ServerResponse,
  status: number,
  code: number | undefined,
  message: string,
): void => {
  if (code !== undefined) response.setHeader("x-clickhouse-exception-code", String(code));
  if (status === 503) response.setHeader("retry-after", RETRY_AFTER_S);
  // The rest of a body that was refused is not read, so the connection cannot be used again.
  if (!response.req.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "text/plain; charset=UTF-8" });
  response.end(`${message}\n`);
};

const answerFault = (response: ServerResponse, fault: unknown): void => {
  if (fault instanceof EngineFault) {
    if (fault.reason === "query")
      return answerText(response, statusOf(fault.code), fault.code, fault.message);
    const { message } = refused(202, "TOO_MANY_SIMULTANEOUS_QUERIES", fault.message);
    return answerText(response, 503, 202, message);
  }
  if (fault instanceof BodyFault) {
    const status = fault.reason === "too_large" ? 413 : 415;
    return answerText(response, status, 36, refused(36, "BAD_ARGUMENTS", fault.message).message);
  }
  const message = fault instanceof Error ? fault.message : String(fault);
  if (codeOf(fault) === "ENOSPC" || codeOf(fault) === "EDQUOT")
    return answerText(response, 500, 243, refused(243, "NOT_ENOUGH_SPACE", message).message);
  if (/^Z_|ERR_ZLIB|ERR__ZSTD|ZSTD/.test(codeOf(fault)))
    return answerText(response, 400, 354, refused(354, "ZLIB_INFLATE_FAILED", message).message);
  answerText(
    response,
    500,
    codeIn(message) ?? 1002,
    refused(1002, "UNKNOWN_EXCEPTION", message).message,
  );
};

const codeOf = (fault: unknown): string =>
  fault instanceof Error && "code" in fault ? String(fault.code) : "";
