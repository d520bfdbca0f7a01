/**
 * A route as a value: what it takes, what it answers, who answers. Validation and OpenAPI are made
 * from the same schemas.
 *
 * Shape:  `path` comes after `/<service id>`: "/connections/:dongle". What a handler refuses is a
 *         value: `refuse("wrong_hardware", 422, "…", "hardware")` or the kernel's `problem`.
 * Errors: `{error: {code, message, field?}}`; a message names the field and the limit.
 */
import type { z } from "zod";
import { err, type Result } from "../../src/kernel/result.ts";

/** Who calls, as the gateway verified it. */
export type Caller = {
  readonly user: string | null;
  readonly tier: "standard" | "premium";
  readonly wave: string | null;
  readonly channel: "api" | "web" | "mobile";
  readonly region: string | null;
  /** Passed on to other services; never read. */
  readonly authorization: string | null;
  readonly requestId: string;
};

/** `status` may be left out where the code is one of the kernel's. */
export type Refusal = {
  readonly code: string;
  readonly message: string;
  readonly status?: number;
  readonly field?: string;
  readonly retryAfterMs?: number;
};

export const refuse = (
  code: string,
  status: number,
  message: string,
  field?: string,
): { readonly ok: false; readonly error: Refusal } =>
  err({ code, status, message, ...(field === undefined ? {} : { field }) });

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;
type Spec = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly summary: string;
  readonly params?: Schema | undefined;
  readonly query?: Schema | undefined;
  readonly body?: Schema | undefined;
  readonly answer: Schema;
  /** Of a good answer; 200 unless said. */
  readonly status?: number;
  /** Further answers it may give, for who reads the OpenAPI: status → when. */
  readonly refusals?: Readonly<Record<number, string>>;
  readonly maxBodyBytes?: number;
};

export type Input<P, Q, B> = {
  readonly params: Out<P>;
  readonly query: Out<Q>;
  readonly body: Out<B>;
  readonly caller: Caller;
};

export type Route = Spec & {
  readonly handler: (input: {
    readonly params: unknown;
    readonly query: unknown;
    readonly body: unknown;
    readonly caller: Caller;
  }) => Promise<Result<unknown, Refusal>>;
};

/** The typed way to write one; what leaves is the plain `Route`. */
export const route = <
  A extends Schema,
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(
  spec: Omit<Spec, "params" | "query" | "body" | "answer"> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly answer: A;
    readonly handler: (input: Input<P, Q, B>) => Promise<Result<z.input<A>, Refusal>>;
  },
): Route => ({
  ...spec,
  handler: (input) => spec.handler(input as Input<P, Q, B>),
});

const STATUS: Readonly<Record<string, number>> = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  too_many: 429,
  internal: 500,
  unavailable: 503,
};
export const statusOf = (refusal: Refusal): number =>
  refusal.status ?? STATUS[refusal.code] ?? STATUS["bad_request"]!;

/** The first thing that is wrong, with its place: "body.items[2].price: must be at most 10". */
export const refusalOf = (where: string, { issues }: z.ZodError): Refusal => {
  const [issue] = issues;
  const place = (issue?.path ?? []).reduce<string>(
    (at, part) => (typeof part === "number" ? `${at}[${part}]` : joined(at, String(part))),
    "",
  );
  const field = place === "" ? where : place;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return { code: "bad_request", message: `${field}: ${issue?.message}${more}`, field };
};

const joined = (at: string, part: string): string => (at === "" ? part : `${at}.${part}`);
