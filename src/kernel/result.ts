/**
 * An expected failure is a value; only a broken invariant throws.
 *
 * Shape: `{ ok: true, value }` or `{ ok: false, error }`.
 */
export type Result<T, E = Problem> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

/** What a caller did wrong or met, in words he can act on; becomes HTTP in one place. */
export type Problem = {
  /** Stable, machine-readable: "bad_request", "not_found", "conflict", … */
  readonly code: ProblemCode;
  /** One sentence that names the field and the limit. */
  readonly message: string;
  /** Path of the offending field, where there is one: "kpis[3].target". */
  readonly field?: string;
  /** For `unavailable` and `too_many`: when to try again. */
  readonly retryAfterMs?: number;
};

export type ProblemCode =
  | "bad_request"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "too_large"
  | "unsupported"
  | "too_many"
  | "unavailable";

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({
  ok: false,
  error,
});
export const problem = (
  code: ProblemCode,
  message: string,
  more: Omit<Problem, "code" | "message"> = {},
): { readonly ok: false; readonly error: Problem } => err({ code, message, ...more });
