/** /openapi.json is the contract, and can be read by tools: every route, every reference. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/contract/index.ts";
import { PATHS } from "../../src/contract/paths.ts";
import type { RouteSpec } from "../../src/contract/route.ts";
import { openApi } from "../../src/io/http/openapi.ts";
import { openLab, VERSION, type Lab } from "./lab.ts";
import { RULES } from "./rules.ts";

type Json = Readonly<Record<string, unknown>>;
type Parameter = { readonly name: string; readonly in: string; readonly required: boolean };
type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Json };
  readonly responses: Readonly<Record<string, { readonly content: Json }>>;
  readonly security?: readonly Json[];
};
type Description = {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: Json; readonly schemas: Json };
};

let lab: Lab;
let served: Description;
beforeAll(async () => {
  lab = await openLab();
  served = (await lab.server.inject({ url: "/openapi.json" })).json<Description>();
});
afterAll(() => lab.close());

const operations = () =>
  Object.entries(served.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      key: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      path,
      operation,
    })),
  );

describe("/openapi.json", () => {
  test("is the contract", () => {
    expect(served).toEqual(JSON.parse(JSON.stringify(openApi(VERSION))));
    expect([served.openapi, served.info.version]).toEqual(["3.1.0", VERSION]);
  });

  test("has every route and no other", () => {
    const keys = operations().map(({ key }) => key);
    expect(keys.toSorted()).toEqual(Object.keys(RULES).toSorted());
    expect(keys).toHaveLength(ROUTES.length);
  });

  test("asks for a token or a session exactly where somebody must be signed in", () => {
    const open = operations().filter(({ operation }) => operation.security === undefined);
    const everybody = Object.entries(RULES).filter(([, callers]) => callers.includes("anonymous"));
    expect(open.map(({ key }) => key).toSorted()).toEqual(everybody.map(([key]) => key).toSorted());
    const schemes = Object.keys(served.components.securitySchemes);
    const named = operations().flatMap(({ operation }) =>
      (operation.security ?? []).flatMap((one) => Object.keys(one)),
    );
    expect(new Set(named)).toEqual(new Set(schemes));
  });

  test("names each operation once, and each path's parameters", () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, operation } of operations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = operation.parameters.filter((one) => one.in === "path");
      expect(described.map(({ name }) => name)).toEqual(inPath);
      expect(described.every(({ required }) => required)).toBe(true);
    }
  });

  test("says what each door takes and answers", () => {
    for (const row of ROUTES as readonly RouteSpec[]) {
      const key = `${row.method} ${PATHS[row.path]}`;
      const found = operations().find((one) => one.key === key)?.operation;
      const answers = Object.keys(found?.responses["200"]?.content ?? {});
      const wanted = row.reply === undefined ? row.raw : "application/json";
      expect([key, answers]).toEqual([key, [wanted]]);
      const takes = Object.keys(found?.requestBody?.content ?? {});
      const taken =
        row.body !== undefined
          ? ["application/json"]
          : row.raw !== undefined && row.method === "POST"
            ? (row.takes ?? [row.raw])
            : [];
      expect([key, takes]).toEqual([key, taken]);
    }
  });

  test("has no reference that leads nowhere", () => {
    expect(dangling(served)).toEqual([]);
  });

  test("a reference that leads nowhere is found out (control)", () => {
    const broken = { ...served, extra: { $ref: "#/components/schemas/Nothing" } };
    expect(dangling(broken)).toEqual(["#/components/schemas/Nothing"]);
  });

  test("uses only words of JSON Schema that have a meaning", () => {
    const types = new Set<unknown>();
    walk(served.paths, (node) => {
      if (typeof node["type"] === "string") types.add(node["type"]);
    });
    for (const type of types) {
      expect(["object", "array", "string", "number", "integer", "boolean", "null"]).toContain(type);
    }
    expect(types.size).toBeGreaterThan(4);
  });
});

const walk = (node: unknown, see: (node: Json) => void): void => {
  if (typeof node !== "object" || node === null) return;
  if (!Array.isArray(node)) see(node as Json);
  for (const child of Object.values(node)) walk(child, see);
};

const dangling = (whole: object): readonly string[] => {
  const found: string[] = [];
  walk(whole, (node) => {
    const reference = node["$ref"];
    if (typeof reference === "string" && !resolves(whole, reference)) found.push(reference);
  });
  return found;
};

const resolves = (whole: object, reference: string): boolean => {
  if (!reference.startsWith("#/")) return false;
  let at: unknown = whole;
  for (const step of reference.slice(2).split("/")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return false;
    at = (at as Json)[step];
  }
  return true;
};
