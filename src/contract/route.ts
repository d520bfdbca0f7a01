/**
 * One row of the API: who may call it, what it takes, what it answers.
 *
 * The server, the typed client, the CLI and OpenAPI are all made from these rows; a route that is
 * not in the table does not exist, and the tests walk the table role by role.
 */
import type { z } from "zod";
import type { PathName } from "./paths.ts";

/** Lowest first: each human role may do what the ones before it may. `ingest` is for machines. */
export const ROLES = ["viewer", "operator", "approver", "admin", "ingest"] as const;
export type Role = (typeof ROLES)[number];
export type Access = "public" | Role;

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export type Dialect = "prometheus";

export type RouteSpec = {
  readonly path: PathName;
  readonly method: Method;
  readonly access: Access;
  readonly summary: string;
  readonly params?: z.ZodType;
  /** A raw door's are described here and parsed by itself. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** JSON answer of a 200; `raw` doors (streams, text, foreign bodies) have none. */
  readonly reply?: z.ZodType;
  /** A door whose body or answer is not our JSON; says which media type it speaks. */
  readonly raw?: string;
  /** Media types of the body of a raw POST, where they are not `raw` itself. */
  readonly takes?: readonly string[];
  readonly maxBodyBytes?: number;
  /** Whose words a refusal is told in; ours where nothing is said. */
  readonly dialect?: Dialect;
};

const HUMAN: readonly Role[] = ["viewer", "operator", "approver", "admin"];

/** The access table's one rule. An admin may also use the machines' doors. */
export const mayCall = (access: Access, role: Role | undefined): boolean => {
  if (access === "public") return true;
  if (role === undefined) return false;
  if (access === "ingest") return role === "ingest" || role === "admin";
  return HUMAN.includes(role) && HUMAN.indexOf(role) >= HUMAN.indexOf(access);
};
