/**
 * Canonical JSON: the same value is always the same text, so it can be hashed and signed.
 *
 * Shape:  plain objects, arrays, strings, booleans, null and finite numbers. Nothing else: a Date,
 *         a bigint, a hole, `undefined` or a function has no one JSON form, so it is refused by
 *         path rather than dropped. Integers beyond 2^53 and decimals that must be exact go in as
 *         strings.
 * Errors: `{ path, why }`; the path is that of the plan and the API: `steps[2].weight`.
 * Source: RFC 8785 (JCS).
 */
import canonicalize from "canonicalize";
import { err, ok } from "./result.ts";
import type { Result } from "./result.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export type CanonicalFault = { readonly path: string; readonly why: string };

/** A cycle meets this limit too, which is why none is looked for. */
export const MAX_JSON_DEPTH = 64;

export const canonicalJson = (value: unknown): Result<string, CanonicalFault> => {
  const fault = findFault(value, "", 0);
  if (fault !== undefined) return err(fault);
  const text = canonicalize(value);
  if (text === undefined) throw new Error("a JSON value must have a canonical text");
  return ok(text);
};

const findFault = (value: unknown, path: string, depth: number): CanonicalFault | undefined => {
  if (depth > MAX_JSON_DEPTH) return { path, why: `is nested deeper than ${MAX_JSON_DEPTH}` };
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path, why: `${value} is not a JSON number` };
    case "string":
      return value.isWellFormed() ? undefined : { path, why: "holds half a surrogate pair" };
    case "object":
      if (value === null) return undefined;
      return Array.isArray(value)
        ? findFaultInArray(value, path, depth)
        : findFaultInObject(value, path, depth);
    default:
      return { path, why: `a ${typeof value} is not JSON` };
  }
};

const findFaultInArray = (
  items: readonly unknown[],
  path: string,
  depth: number,
): CanonicalFault | undefined => {
  // By index, because `for of` would show a hole as undefined only on some paths.
  for (let at = 0; at < items.length; at += 1) {
    const fault = findFault(items[at], `${path}[${at}]`, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

const findFaultInObject = (
  value: object,
  path: string,
  depth: number,
): CanonicalFault | undefined => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return { path, why: "is not a plain object" };
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return { path, why: "has a symbol as a key" };
  for (const [key, member] of Object.entries(value)) {
    const memberPath = path === "" ? key : `${path}.${key}`;
    if (!key.isWellFormed())
      return { path: memberPath, why: "its key holds half a surrogate pair" };
    const fault = findFault(member, memberPath, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
};
