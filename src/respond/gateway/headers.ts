/**
 * A request's headers as they came: what is wrong with them, what of them goes on, what they say.
 *
 * Shape:  one walk over names and values. `Content-Length` beside `Transfer-Encoding`, twice,
 *         or anything but digits, and any transfer coding but `chunked`, are refused: two parsers
 *         that read them differently are how requests are smuggled.
 * Errors: `refused` has the status and a code; nothing throws.
 * Source: RFC 9112 §6, RFC 9110 §7.6.1 (hop by hop).
 */
export const MAX_URL_CHARS = 8_192;
export const MAX_HEADERS = 100;

export type Refused = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
};

/** What the gateway itself reads. */
export type Said = {
  authorization: string | undefined;
  channel: string | undefined;
  traceparent: string | undefined;
  requestId: string | undefined;
  accept: string;
  language: string;
  cookie: string;
  ticket: string | undefined;
  hasBody: boolean;
  bodyBytes: number;
  /** Names and values in turn, that go on to the backend. */
  onward: string[];
};

const HOP_BY_HOP = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "proxy-connection"],
]);
/** Ours to say: from outside they are worth nothing. */
const OURS = new Set([
  ...["x-user", "x-tier", "x-wave", "x-region", "x-channel", "x-request-id", "x-waiting-ticket"],
  ...["traceparent", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"],
  // The backend's fault door is not for the world.
  ...["x-fault-token", "expect", "content-length"],
]);
const DIGITS = /^\d{1,15}$/;

const refuse = (status: number, code: string, message: string): Refused => ({
  status,
  code,
  message,
});
export const isRefused = (read: Said | Refused): read is Refused => "status" in read;

export const readHeaders = (raw: readonly string[], maxBodyBytes: number): Said | Refused => {
  if (raw.length > 2 * MAX_HEADERS)
    return refuse(431, "too_many_headers", `more than ${MAX_HEADERS} header fields`);
  const said: Said = {
    ...{ authorization: undefined, channel: undefined, traceparent: undefined },
    ...{ requestId: undefined, accept: "", language: "", cookie: "", ticket: undefined },
    ...{ hasBody: false, bodyBytes: 0, onward: [] },
  };
  let named: ReadonlySet<string> | undefined;
  let hosts = 0;
  let length: string | undefined;
  let coding: string | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (name === "host") hosts += 1;
    else if (name === "content-length") {
      if (length !== undefined) return ambiguous("content-length is there twice");
      length = value;
    } else if (name === "transfer-encoding") {
      if (coding !== undefined) return ambiguous("transfer-encoding is there twice");
      coding = value;
    } else if (name === "upgrade")
      return refuse(501, "upgrade_unsupported", `upgrade to ${value.slice(0, 40)} is not served`);
    else if (name === "connection") named = namedBy(value, named);
    else note(said, name, value);
    if (HOP_BY_HOP.has(name) || OURS.has(name) || name === "host") continue;
    said.onward.push(raw[at]!, value);
  }
  if (hosts !== 1) return refuse(400, "bad_host", "there must be one host field");
  if (named !== undefined) said.onward = without(said.onward, named);
  return sizeOf(said, length, coding, maxBodyBytes);
};

const ambiguous = (message: string): Refused => refuse(400, "ambiguous_length", message);

const sizeOf = (
  said: Said,
  length: string | undefined,
  coding: string | undefined,
  maxBodyBytes: number,
): Said | Refused => {
  if (length !== undefined && coding !== undefined)
    return ambiguous("content-length and transfer-encoding are both there");
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    return refuse(501, "coding_unsupported", "transfer-encoding is not chunked alone");
  if (length !== undefined && !DIGITS.test(length))
    return ambiguous("content-length is no number of bytes");
  said.bodyBytes = length === undefined ? 0 : Number(length);
  if (said.bodyBytes > maxBodyBytes)
    return refuse(413, "too_large", `the body is over ${maxBodyBytes} bytes`);
  said.hasBody = coding !== undefined || said.bodyBytes > 0;
  if (length !== undefined) said.onward.push("content-length", length);
  return said;
};

const note = (said: Said, name: string, value: string): void => {
  switch (name) {
    case "authorization":
      said.authorization = value;
      return;
    case "x-channel":
      said.channel = value;
      return;
    case "traceparent":
      said.traceparent = value;
      return;
    case "x-request-id":
      said.requestId = value;
      return;
    case "x-waiting-ticket":
      said.ticket = value;
      return;
    case "accept":
      said.accept = value;
      return;
    case "accept-language":
      said.language = value;
      return;
    case "cookie":
      said.cookie = value;
      return;
    default:
  }
};

/** `Connection: close, x-token` makes x-token hop by hop too; these alone are the usual case. */
const USUAL = new Set(["keep-alive", "close", ""]);
const namedBy = (
  value: string,
  before: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined => {
  const all = value.split(",").map((one) => one.trim().toLowerCase());
  const rest = all.filter((one) => !USUAL.has(one));
  return rest.length === 0 ? before : new Set([...rest, ...(before ?? [])]);
};
const without = (headers: readonly string[], names: ReadonlySet<string>): string[] =>
  headers.filter((_, at) => !names.has(headers[at - (at % 2)]!.toLowerCase()));

/** An answer's headers that go on to the client. */
export const answerHeaders = (raw: readonly string[]): string[] => {
  const onward: string[] = [];
  let named: ReadonlySet<string> | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (name === "connection") named = namedBy(raw[at + 1]!, named);
    if (HOP_BY_HOP.has(name)) continue;
    onward.push(raw[at]!, raw[at + 1]!);
  }
  return named === undefined ? onward : without(onward, named);
};

export const CHANNELS = ["api", "web", "mobile"] as const;
export type Channel = (typeof CHANNELS)[number];
export const channelOf = (said: string | undefined): Channel =>
  said === "web" || said === "mobile" ? said : "api";

const TRACE = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NO_TRACE = /^0+$/;

export type TraceParent = {
  readonly trace: string;
  readonly parent: string;
  readonly flags: string;
};
export const traceOf = (said: string | undefined): TraceParent | undefined => {
  const [, trace, parent, flags] = TRACE.exec(said ?? "") ?? [];
  if (trace === undefined || parent === undefined || flags === undefined) return undefined;
  return NO_TRACE.test(trace) || NO_TRACE.test(parent) ? undefined : { trace, parent, flags };
};

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/;
export const requestIdOf = (said: string | undefined): string | undefined =>
  said !== undefined && REQUEST_ID.test(said) ? said : undefined;
