/**
 * What serves a route, by its name in the table: `"GET kpis"` gets parsed input, returns a Result.
 *
 * A `raw` door gets the request and answers itself (streams, Prometheus text, protobuf).
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { ROUTES } from "../../contract/index.ts";
import type { Principal } from "../../contract/session.ts";
import type { Result } from "../../kernel/result.ts";

type Row = (typeof ROUTES)[number];
export type RouteKey<R = Row> = R extends Row ? `${R["method"]} ${R["path"]}` : never;

type Parsed<R, K extends string> = R extends { readonly [P in K]: infer S }
  ? S extends z.ZodType
    ? z.output<S>
    : undefined
  : undefined;

export type Caller = {
  readonly principal: Principal | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

export type Input<R extends Row> = Caller & {
  readonly params: Parsed<R, "params">;
  readonly query: Parsed<R, "query">;
  readonly body: Parsed<R, "body">;
};

type Handler<R extends Row> = R extends { readonly raw: string }
  ? (caller: Caller) => Promise<unknown>
  : R extends { readonly reply: infer S extends z.ZodType }
    ? (input: Input<R>) => Promise<Result<z.input<S>>>
    : never;

export type Handlers = { readonly [R in Row as RouteKey<R>]: Handler<R> };

/** A part of the table, as one `.routes.ts` file serves it. */
export type Serving<K extends RouteKey> = Pick<Handlers, K>;
