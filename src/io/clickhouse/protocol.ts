/**
 * ClickHouse's HTTP protocol as values: what a request asks, which status an error has.
 *
 * Shape:  a URL, headers → `Asked`; an exception code → HTTP status; a format → content type.
 * Errors: `Refused` with ClickHouse's own code and name, so that its clients understand it.
 * Source: ClickHouse's documentation of the HTTP interface and its list of error codes.
 */
import { type Result, err, ok } from "../../kernel/result.ts";

export type Asked = {
  readonly query: string;
  readonly queryId: string | undefined;
  readonly database: string | undefined;
  readonly format: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  readonly gzip: boolean;
};
export type Refused = { readonly code: number; readonly name: string; readonly message: string };
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export const DEFAULT_FORMAT = "TabSeparated";

/** Words of the protocol itself; every other parameter is a setting of the query. */
const RESERVED = new Set(
  `query query_id database default_format user password compress decompress session_id
   session_timeout session_check quota_key stacktrace buffer_size wait_end_of_query
   enable_http_compression http_zlib_compression_level close_session role client_protocol_version`.split(
    /\s+/,
  ),
);
/** Names of settings and parameters go into SQL as they are, so they must look like names. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;
const FORMAT_NAME = /^[A-Za-z0-9_]+$/;

export const refused = (code: number, name: string, message: string): Refused => ({
  code,
  name,
  message: `Code: ${code}. DB::Exception: ${message} (${name})`,
});

const badArgument = (message: string) => err(refused(36, "BAD_ARGUMENTS", message));
const unsupported = (what: string) =>
  err(refused(48, "NOT_IMPLEMENTED", `${what} is not supported by the embedded store`));

export const askedBy = (url: URL, headers: Headers): Result<Asked, Refused> => {
  const settings: Record<string, string> = {};
  const params: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name === "session_id") return unsupported("a session");
    if ((name === "compress" || name === "decompress") && value === "1")
      return unsupported(`${name}=1`);
    if (RESERVED.has(name)) continue;
    if (!NAME.test(name)) return badArgument(`${JSON.stringify(name)} is not a setting's name`);
    if (name.startsWith("param_")) params[name.slice("param_".length)] = value;
    else settings[name] = value;
  }
  const format =
    text(headers["x-clickhouse-format"]) ??
    url.searchParams.get("default_format") ??
    DEFAULT_FORMAT;
  if (!FORMAT_NAME.test(format))
    return badArgument(`${JSON.stringify(format)} is no format's name`);
  const wantsGzip = url.searchParams.get("enable_http_compression") === "1";
  return ok({
    query: url.searchParams.get("query") ?? "",
    queryId: url.searchParams.get("query_id") ?? text(headers["x-clickhouse-query-id"]),
    database: url.searchParams.get("database") ?? text(headers["x-clickhouse-database"]),
    format,
    settings,
    params,
    gzip: wantsGzip && /\bgzip\b/.test(text(headers["accept-encoding"]) ?? ""),
  });
};

export type Credentials = { readonly user: string; readonly password: string };

export const credentialsOf = (url: URL, headers: Headers): Credentials => {
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(text(headers["authorization"]) ?? "")?.[1];
  if (basic !== undefined) {
    const pair = decodeBase64(basic);
    const colon = pair.indexOf(":");
    return colon < 0
      ? { user: pair, password: "" }
      : { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
  }
  return {
    user: text(headers["x-clickhouse-user"]) ?? url.searchParams.get("user") ?? "default",
    password: text(headers["x-clickhouse-key"]) ?? url.searchParams.get("password") ?? "",
  };
};

const decodeBase64 = (encoded: string): string => {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
  } catch {
    return "";
  }
};

const text = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "string" ? value : value?.[0];

/** A string literal of ClickHouse's SQL. */
export const quoted = (value: string): string =>
  `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0")}'`;

/** `Code: 60. DB::Exception: …` as the engine writes it, wherever it begins. */
export const codeIn = (message: string): number | undefined => {
  const found = /Code: (\d+)\./.exec(message)?.[1];
  return found === undefined ? undefined : Number(found);
};

const STATUS: readonly (readonly [status: number, codes: readonly number[]])[] = [
  [
    400,
    [6, 20, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 117, 130, 131, 168, 349, 456, 457],
  ],
  [403, [164, 192, 193, 291, 497, 516]],
  [404, [16, 46, 47, 50, 56, 60, 73, 81, 115]],
  [408, [159]],
  [413, [307, 396]],
  [501, [48, 344]],
  [503, [202, 203]],
];
const STATUS_OF = new Map(STATUS.flatMap(([status, codes]) => codes.map((code) => [code, status])));

export const statusOf = (code: number | undefined): number =>
  (code === undefined ? undefined : STATUS_OF.get(code)) ?? 500;

export const contentTypeOf = (format: string): string => {
  if (/EachRow/.test(format)) return "application/x-ndjson; charset=UTF-8";
  if (format.startsWith("JSON")) return "application/json; charset=UTF-8";
  if (format.startsWith("CSV")) return "text/csv; charset=UTF-8; header=absent";
  if (/^(TSV|TabSeparated)/.test(format)) return "text/tab-separated-values; charset=UTF-8";
  return /^(Native|RowBinary|Arrow|Parquet|ORC|MsgPack)/.test(format)
    ? "application/octet-stream"
    : "text/plain; charset=UTF-8";
};

/** `… FORMAT JSONEachRow` at the end of a text says more than the request's default. */
export const formatIn = (query: string, fallback: string): string =>
  /\bFORMAT\s+([A-Za-z0-9_]+)(?:\s+SETTINGS\b[^']*)?[\s;]*$/i.exec(query)?.[1] ?? fallback;
