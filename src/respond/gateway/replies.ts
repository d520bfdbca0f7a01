/**
 * What the gateway answers itself, as JSON: an error says what, why, and when to come again.
 */
export type Reply = {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
};

export const REPLIES = {
  noRoute: { status: 404, code: "not_found", message: "no service has this path" },
  ambiguousPath: {
    ...{ status: 400, code: "ambiguous_path" },
    message: "the path has dots, doubled or encoded slashes",
  },
  originForm: { status: 400, code: "bad_target", message: "the target must begin with /" },
  longUrl: { status: 414, code: "url_too_long", message: "the URL is over 8192 characters" },
  shed: {
    ...{ status: 503, code: "shed", retryAfterMs: 5_000 },
    message: "this feature rests while the platform is busy",
  },
  overloaded: {
    ...{ status: 503, code: "overloaded", retryAfterMs: 1_000 },
    message: "the service has more calls than it can answer",
  },
  unavailable: {
    ...{ status: 503, code: "unavailable", retryAfterMs: 2_000 },
    message: "the service cannot be reached at the moment",
  },
  badGateway: { status: 502, code: "bad_gateway", message: "the service broke off its answer" },
  timeout: { status: 504, code: "timeout", message: "the service did not answer in time" },
  slowBody: { status: 408, code: "slow_body", message: "the request did not arrive in time" },
  tooLarge: { status: 413, code: "too_large", message: "the body is over its limit" },
  full: {
    ...{ status: 503, code: "waiting_room_full", retryAfterMs: 60_000 },
    message: "the waiting room is full",
  },
} as const satisfies Readonly<Record<string, Reply>>;

export const replyBody = ({ code, message }: Reply): string =>
  JSON.stringify({ error: { code, message } });

const MS_PER_S = 1_000;
/** Whole seconds, at least one: 0 would be a request to come at once. */
export const retryAfter = (ms: number): string => String(Math.max(1, Math.ceil(ms / MS_PER_S)));
