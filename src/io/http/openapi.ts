/** The table as OpenAPI 3.1. */
import { z } from "zod";
import { ROUTES } from "../../contract/index.ts";
import { PATHS } from "../../contract/paths.ts";
import type { RouteSpec } from "../../contract/route.ts";
import { Fault } from "../../contract/words.ts";

type Json = Record<string, unknown>;
type ObjectSchema = {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
};

export const openApi = (version: string): Json => {
  const paths: Record<string, Json> = {};
  for (const route of ROUTES as readonly RouteSpec[]) {
    const path = PATHS[route.path].replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "NovaEvo", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      schemas: { Fault: schema(Fault) },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        session: { type: "apiKey", in: "cookie", name: "novaevo-session" },
      },
    },
  };
};

const operation = (route: RouteSpec): Json => ({
  operationId: `${route.method.toLowerCase()}-${route.path}`,
  summary: route.summary,
  "x-access": route.access,
  ...(route.access === "public" ? {} : { security: [{ bearer: [] }, { session: [] }] }),
  parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
  ...(route.body === undefined
    ? {}
    : {
        requestBody: {
          required: true,
          content: { "application/json": { schema: schema(route.body) } },
        },
      }),
  responses: {
    "200": { description: "OK", content: { [route.raw ?? "application/json"]: answer(route) } },
    default: {
      description: "What was wrong: the field and the limit",
      content: { "application/json": { schema: { $ref: "#/components/schemas/Fault" } } },
    },
  },
});

const answer = (route: RouteSpec): Json =>
  route.reply === undefined || route.raw !== undefined ? {} : { schema: schema(route.reply) };

const schema = (type: z.ZodType): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(type, { io: "input", unrepresentable: "any" });
  return rest;
};

const parameters = (type: z.ZodType | undefined, where: "path" | "query"): readonly Json[] => {
  if (type === undefined) return [];
  const { properties = {}, required = [] } = schema(type) as ObjectSchema;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === "path" || (required.includes(name) && !("default" in property)),
    schema: property,
  }));
};
