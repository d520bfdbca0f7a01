/**
 * The API's typed client, made from the same table as the server.
 *
 * Errors: what the server said, as a Problem; a server that does not answer is `unavailable`.
 */
import type { z } from "zod";
import { problem, type ProblemCode, type Result } from "../kernel/result.ts";
import type { ROUTES } from "./index.ts";
import { PATHS, type PathName } from "./paths.ts";

type Row = (typeof ROUTES)[number];
type JsonRow = Extract<Row, { readonly reply: z.ZodType }>;
type KeyOf<R> = R extends Row ? `${R["method"]} ${R["path"]}` : never;
export type CallKey = KeyOf<JsonRow>;
type RowOf<K extends CallKey> = Extract<JsonRow, { method: MethodOf<K>; path: PathOf<K> }>;
type MethodOf<K> = K extends `${infer M} ${string}` ? M : never;
type PathOf<K> = K extends `${string} ${infer P}` ? P : never;
export type ReplyOf<K extends CallKey> = z.output<RowOf<K>["reply"]>;

export type CallInput = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
};
export type Call = <K extends CallKey>(key: K, input?: CallInput) => Promise<Result<ReplyOf<K>>>;

const TIMEOUT_MS = 30_000;

export const newClient =
  (deps: { readonly fetch: typeof fetch; readonly base: string; readonly token: string }): Call =>
  async (key, input = {}) => {
    const [method = "GET", name = ""] = key.split(" ");
    const at = PATHS[name as PathName].replaceAll(/:(\w+)/g, (_, one: string) =>
      encodeURIComponent(input.params?.[one] ?? ""),
    );
    const url = new URL(at, deps.base);
    for (const [one, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) url.searchParams.set(one, String(value));
    }
    try {
      const response = await deps.fetch(url, {
        method,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          authorization: `Bearer ${deps.token}`,
          ...(input.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      });
      const said: unknown = await response.json().catch(() => undefined);
      if (response.ok) return { ok: true, value: said as never };
      return refused(said, response.status);
    } catch (fault) {
      const why = fault instanceof Error && fault.cause !== undefined ? fault.cause : fault;
      return problem("unavailable", `${deps.base} does not answer (${String(why)})`);
    }
  };

const refused = (said: unknown, status: number): ReturnType<typeof problem> => {
  const error = (said as { error?: { code?: ProblemCode; message?: string; field?: string } })
    ?.error;
  return problem(
    error?.code ?? "unavailable",
    error?.message ?? `the server answered HTTP ${status}`,
    error?.field === undefined ? {} : { field: error.field },
  );
};
