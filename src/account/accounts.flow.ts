/** Everything about accounts in one value, for the program that wires it. */
import type { Clock } from "../kernel/clock.ts";
import type { Db } from "../io/postgres/db.ts";
import { createAccountFlows } from "./account.flow.ts";
import type { AccountFlows } from "./account.flow.ts";
import type { PasswordHasher } from "./password.ts";
import { createPrincipalCache } from "./principal-cache.ts";
import { createSessions } from "./session.flow.ts";
import type { Sessions } from "./session.flow.ts";

export type Accounts = Sessions & AccountFlows;

export const openAccounts = (deps: {
  readonly db: Db;
  readonly clock: Clock;
  readonly hasher: PasswordHasher;
}): Accounts => {
  const shared = { ...deps, cache: createPrincipalCache() };
  return { ...createSessions(shared), ...createAccountFlows(shared) };
};
