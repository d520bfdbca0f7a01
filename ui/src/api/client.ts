/**
 * Calls the API: paths from the contract's table, answers typed by its schemas' types.
 *
 * Errors: never throws for what a network or a server does; a Fault says what, in the caller's
 *         hands. 401 is also told to `onSignedOut`, once per answer.
 */
import { PATHS, type PathName } from "../../../src/contract/paths.ts";

const TIMEOUT_MS = 15_000;

export type Fault = {
  readonly kind: "network" | "timeout" | "http";
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string;
  readonly retryAfterMs: number | null;
};
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

export type Ask = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly signal?: AbortSignal;
};

export type Api = {
  readonly get: <T>(path: PathName, ask?: Ask) => Promise<Answer<T>>;
  readonly post: <T>(path: PathName, body: unknown, ask?: Ask) => Promise<Answer<T>>;
  readonly put: <T>(path: PathName, body: unknown, ask?: Ask) => Promise<Answer<T>>;
  readonly remove: <T>(path: PathName, ask?: Ask) => Promise<Answer<T>>;
};

type Deps = { readonly fetch: typeof fetch; readonly onSignedOut: () => void };

export const createApi = (deps: Deps): Api => {
  const call = async <T>(
    method: string,
    path: PathName,
    ask: Ask,
    body?: unknown,
  ): Promise<Answer<T>> => {
    const answer = await request<T>(deps.fetch, method, address(path, ask), ask.signal, body);
    const isSignIn = path === "sessionCode" || path === "sessionPassword";
    if (!answer.ok && answer.fault.status === 401 && !isSignIn) deps.onSignedOut();
    return answer;
  };
  return {
    get: (path, ask = {}) => call("GET", path, ask),
    post: (path, body, ask = {}) => call("POST", path, ask, body),
    put: (path, body, ask = {}) => call("PUT", path, ask, body),
    remove: (path, ask = {}) => call("DELETE", path, ask),
  };
};

const address = (path: PathName, { params = {}, query = {} }: Ask): string => {
  const place = PATHS[path].replaceAll(/:(\w+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) asked.set(name, String(value));
  }
  return asked.size === 0 ? place : `${place}?${asked.toString()}`;
};

const request = async <T>(
  fetchFn: typeof fetch,
  method: string,
  url: string,
  signal: AbortSignal | undefined,
  body: unknown,
): Promise<Answer<T>> => {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetchFn(url, {
      method,
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) return { ok: false, fault: await httpFault(response) };
    return { ok: true, value: (await response.json()) as T };
  } catch (cause) {
    const kind = timeout.aborted ? "timeout" : "network";
    const message = cause instanceof Error ? cause.message : "";
    return { ok: false, fault: { kind, status: null, code: null, message, retryAfterMs: null } };
  }
};

/** Ours, or the Prometheus API's `{"status":"error","errorType":…,"error":…}`. */
type FaultBody = {
  readonly error?: string | { readonly code?: string; readonly message?: string };
  readonly errorType?: string;
};

const httpFault = async (response: Response): Promise<Fault> => {
  const body = (await response.json().catch(() => ({}))) as FaultBody;
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const { error } = body;
  const said = typeof error === "string" ? { code: body.errorType, message: error } : (error ?? {});
  return {
    kind: "http",
    status: response.status,
    code: said.code ?? null,
    message: said.message ?? response.statusText,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : null,
  };
};
