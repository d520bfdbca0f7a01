/** What a role may do, as the server's access table says; the server decides all the same. */
import type { Principal } from "../../../src/contract/session.ts";

type Role = Principal["role"];
const RANKS: readonly Role[] = ["viewer", "operator", "approver", "admin"];

/** While nobody is known to be signed in, nothing is offered. */
export const may = (principal: Principal | undefined, least: Role): boolean =>
  principal !== undefined && RANKS.indexOf(principal.role) >= RANKS.indexOf(least);
