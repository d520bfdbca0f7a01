/**
 * What is wrong with the shape of a plan, said so that a person can mend it.
 *
 * Errors: one fault per key or value, each with « what is wrong; allowed: … ».
 */
import type * as z from "zod";
import type { Fault, Path, PlanDocument } from "./document.ts";
import { allowedKeys, allowedKinds, planJsonSchema, type JsonSchema } from "./json-schema.ts";
import { suggestion } from "./nearest.ts";

export const shapeFaults = (
  document: PlanDocument,
  issues: readonly z.core.$ZodIssue[],
): readonly Fault[] => {
  // Made only when somebody must be told what is allowed.
  let schema: JsonSchema | undefined;
  const keysAt = (path: Path): string[] =>
    allowedKeys((schema ??= planJsonSchema()), document.value, path);
  return issues.flatMap((issue): Fault[] => {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        ...document.keyPlace([...path, key]),
        path: [...path, key],
        message: `unknown key "${key}"${suggestion(key, keysAt(path))}`,
      }));
    }
    // A union is told apart by one key, and the issue's path ends with it.
    const kinds = (): string[] =>
      allowedKinds((schema ??= planJsonSchema()), document.value, path.slice(0, -1));
    const message = describe(issue, valueAt(document, path), kinds);
    return [{ ...document.place(path), path, message }];
  });
};

export const valueAt = (document: Pick<PlanDocument, "value">, path: Path): unknown => {
  let at: unknown = document.value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as { readonly [key: string]: unknown })[key as string];
  }
  return at;
};

const MAX_SHOWN_CHARS = 60;

const show = (value: unknown): string => {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > MAX_SHOWN_CHARS ? `${shown.slice(0, MAX_SHOWN_CHARS)}…` : shown;
};

const TYPE_WORDS: { readonly [type: string]: string } = {
  string: "text",
  object: "a map",
  record: "a map",
  array: "a list",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
};

const typeWord = (type: string): string => TYPE_WORDS[type] ?? type;

const describe = (issue: z.core.$ZodIssue, value: unknown, kinds: () => string[]): string => {
  if (value === undefined) return `is missing${allowedBy(issue, kinds)}`;
  switch (issue.code) {
    case "invalid_type":
      return `is ${show(value)}${allowedBy(issue, kinds)}`;
    case "invalid_value":
      return `is ${show(value)}${suggestion(textOf(value), issue.values.map(String))}`;
    case "invalid_union":
      return `is ${show(value)}${suggestion(textOf(value), kinds())}`;
    case "too_small":
      return `is ${size(issue.origin, value)}; allowed: ${bound("at least", issue.minimum, issue)}`;
    case "too_big":
      return `is ${size(issue.origin, value)}; allowed: ${bound("at most", issue.maximum, issue)}`;
    case "invalid_format":
    case "custom":
      return `${show(value)} ${issue.message}`;
    case "invalid_element":
    case "invalid_key":
    case "not_multiple_of":
    case "unrecognized_keys":
    default:
      return `is ${show(value)}: ${issue.message}`;
  }
};

const textOf = (value: unknown): string => (typeof value === "string" ? value : show(value));

const allowedBy = (issue: z.core.$ZodIssue, kinds: () => string[]): string => {
  if (issue.code === "invalid_type") return `; allowed: ${typeWord(issue.expected)}`;
  if (issue.code === "invalid_value") return `; allowed: ${issue.values.map(String).join(", ")}`;
  return issue.code === "invalid_union" ? `; allowed: ${kinds().join(", ")}` : "";
};

const size = (origin: string, value: unknown): string =>
  origin === "string"
    ? `${textOf(value).length} characters long`
    : origin === "array"
      ? `a list of ${(value as readonly unknown[]).length}`
      : show(value);

const bound = (
  side: string,
  limit: number | bigint,
  issue: { readonly exact?: boolean | undefined; readonly inclusive?: boolean | undefined },
): string => {
  if (issue.exact === true) return `exactly ${limit}`;
  const strict =
    issue.inclusive === false ? (side === "at least" ? "more than" : "less than") : side;
  return `${strict} ${limit}`;
};
