/**
 * Older schemas of a plan, brought to the one this program reads. `schema: 1` is the first, so
 * there is nothing to bring yet.
 *
 * Errors: a schema that is missing, no whole number, or newer than this program.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import { SCHEMA_VERSION } from "./schema/whole.ts";

/** Takes a value of schema `n` (its place in the list, from 1) and gives one of schema `n + 1`. */
type Upgrader = (value: unknown) => unknown;
const UPGRADERS: readonly Upgrader[] = [];

export const upgrade = (value: unknown): Result<unknown, string> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return err(`a plan is a map; allowed: "schema: ${SCHEMA_VERSION}" and the keys that follow`);
  }
  const schema: unknown = (value as { readonly [key: string]: unknown })["schema"];
  if (schema === undefined) return err(`is missing; allowed: 1 to ${SCHEMA_VERSION}`);
  if (typeof schema !== "number" || !Number.isInteger(schema) || schema < 1) {
    return err(`is ${JSON.stringify(schema)}; allowed: 1 to ${SCHEMA_VERSION}`);
  }
  if (schema > SCHEMA_VERSION) {
    const newer = `schema ${schema} is newer than this NovaEvo, which reads up to`;
    return err(`${newer} ${SCHEMA_VERSION}; upgrade NovaEvo, or write schema ${SCHEMA_VERSION}`);
  }
  let upgraded: unknown = value;
  for (const up of UPGRADERS.slice(schema - 1)) upgraded = up(upgraded);
  return ok(upgraded);
};
