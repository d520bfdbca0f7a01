/**
 * The plan's JSON Schema (draft 2020-12), for editors, and the keys it allows at a path.
 *
 * Source: generated from the zod schema, so it cannot disagree with what `plan check` accepts; what
 *         only a check can say (dates that exist, references) is not in it.
 */
import * as z from "zod";
import { planSchema } from "./schema/whole.ts";
import type { Path } from "./document.ts";

export type JsonSchema = {
  readonly type?: string;
  readonly properties?: { readonly [key: string]: JsonSchema };
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly [keyword: string]: unknown;
};

export const planJsonSchema = (): JsonSchema =>
  z.toJSONSchema(planSchema, { io: "input", unrepresentable: "any" }) as JsonSchema;

/** The keys an object may have at a path of a given value; empty where no object is allowed. */
export const allowedKeys = (schema: JsonSchema, value: unknown, path: Path): string[] => {
  const { here, at } = follow(schema, value, path);
  return Object.keys((here && choose(here, at))?.properties ?? {});
};

/** The values that tell the alternatives of a union apart, at a path of a given value. */
export const allowedKinds = (schema: JsonSchema, value: unknown, path: Path): string[] =>
  alternativesOf(follow(schema, value, path).here).flatMap(({ properties }) =>
    Object.values(properties ?? {}).flatMap(({ const: kind }) =>
      typeof kind === "string" ? [kind] : [],
    ),
  );

const alternativesOf = (schema: JsonSchema | undefined): readonly JsonSchema[] =>
  schema?.anyOf ?? schema?.oneOf ?? [];

const follow = (
  schema: JsonSchema,
  value: unknown,
  path: Path,
): { readonly here: JsonSchema | undefined; readonly at: unknown } => {
  let here: JsonSchema | undefined = schema;
  let at = value;
  for (const key of path) {
    const chosen: JsonSchema | undefined = here && choose(here, at);
    here = typeof key === "number" ? chosen?.items : chosen?.properties?.[key];
    at = (at as { readonly [key: string]: unknown } | undefined)?.[key as string];
  }
  return { here, at };
};

/** Of the alternatives of a union, the one whose constants the value has. */
const choose = (schema: JsonSchema, value: unknown): JsonSchema => {
  if (typeof value !== "object" || value === null) return schema;
  const fits = ({ properties }: JsonSchema): boolean =>
    Object.entries(properties ?? {}).every(
      ([key, { const: constant }]) =>
        constant === undefined || (value as { readonly [key: string]: unknown })[key] === constant,
    );
  return alternativesOf(schema).find(fits) ?? schema;
};
