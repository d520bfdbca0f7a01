/** The routes of a service as OpenAPI 3.1, from the schemas that validate. */
import { z } from "zod";
import type { Route } from "./route.ts";

type Json = Record<string, unknown>;
type ObjectSchema = {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
};

export const fault = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    field: z.string().optional(),
  }),
});

export const openApiOf = (
  service: {
    readonly id: string;
    readonly title: string;
    readonly dependencies: readonly string[];
  },
  routes: readonly Route[],
  version: string,
): Json => {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = `/${service.id}${route.path}`.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: service.title, version, "x-dependencies": service.dependencies },
    paths,
    components: { schemas: { Fault: schemaOf(fault, "output") } },
  };
};

const FAULT = { "application/json": { schema: { $ref: "#/components/schemas/Fault" } } };

const operation = (route: Route): Json => ({
  operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z0-9]+/g, "-")}`,
  summary: route.summary,
  parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
  ...(route.body === undefined
    ? {}
    : {
        requestBody: {
          required: true,
          content: { "application/json": { schema: schemaOf(route.body, "input") } },
        },
      }),
  responses: {
    [route.status ?? 200]: {
      description: "OK",
      content: { "application/json": { schema: schemaOf(route.answer, "output") } },
    },
    ...Object.fromEntries(
      Object.entries(route.refusals ?? {}).map(([status, description]) => [
        status,
        { description, content: FAULT },
      ]),
    ),
    default: { description: "What was wrong: the field and the limit", content: FAULT },
  },
});

const schemaOf = (type: z.ZodType, io: "input" | "output"): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(type, { io, unrepresentable: "any" });
  return rest;
};

const parameters = (type: z.ZodType | undefined, where: "path" | "query"): readonly Json[] => {
  if (type === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(type, "input") as ObjectSchema;
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: where,
    schema,
    required: where === "path" || (required.includes(name) && !("default" in schema)),
  }));
};
