/** The table as OpenAPI 3.1. */
import { z } from "zod";
import { ROUTES } from "../../contract/index.ts";
import { PATHS } from "../../contract/paths.ts";
import { PrometheusFault } from "../../contract/prometheus.ts";
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
      schemas: {
        Fault: schema(Fault, "output"),
        PrometheusFault: schema(PrometheusFault, "output"),
      },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        basic: { type: "http", scheme: "basic", description: "Any name; a token as the password." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-novaevo",
          description: "On plain HTTP, which is loopback only: novaevo-session-<port>.",
        },
      },
    },
  };
};

const operation = (route: RouteSpec): Json => ({
  operationId: `${route.method.toLowerCase()}-${route.path}`,
  summary: route.summary,
  "x-access": route.access,
  ...(route.access === "public"
    ? {}
    : { security: [{ bearer: [] }, { basic: [] }, { session: [] }] }),
  parameters: [...parameters(route.params, "path"), ...parameters(route.query, "query")],
  ...requestBody(route),
  responses: {
    "200": { description: "OK", content: answer(route) },
    default: {
      description: "What was wrong: the field and the limit",
      content: { "application/json": { schema: { $ref: faultOf(route) } } },
    },
  },
});

const faultOf = ({ dialect }: RouteSpec): string =>
  `#/components/schemas/${dialect === "prometheus" ? "PrometheusFault" : "Fault"}`;

/** A raw door that is written to takes its media type as bytes; one that is read answers in it. */
const requestBody = (route: RouteSpec): Json => {
  if (route.body !== undefined) {
    const content = { "application/json": { schema: schema(route.body, "input") } };
    return { requestBody: { required: true, content } };
  }
  return route.raw === undefined || route.method !== "POST"
    ? {}
    : {
        requestBody: {
          required: true,
          content: Object.fromEntries((route.takes ?? [route.raw]).map((type) => [type, {}])),
        },
      };
};

const answer = (route: RouteSpec): Json =>
  route.reply === undefined
    ? { [route.raw ?? "application/json"]: {} }
    : { "application/json": { schema: schema(route.reply, "output") } };

const schema = (type: z.ZodType, io: "input" | "output"): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(type, { io, unrepresentable: "any" });
  return rest;
};

const parameters = (type: z.ZodType | undefined, where: "path" | "query"): readonly Json[] => {
  if (type === undefined) return [];
  const { properties = {}, required = [] } = schema(type, "input") as ObjectSchema;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === "path" || (required.includes(name) && !("default" in property)),
    schema: property,
  }));
};
