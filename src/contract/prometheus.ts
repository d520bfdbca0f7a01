/**
 * Prometheus' HTTP API, version 1: Grafana, promtool and whoever speaks it reads here.
 *
 * Shape:  parameters stand in the address or in a form; the doors parse them, because a parameter
 *         nobody knows is passed over and a refusal has Prometheus' own words.
 * Units:  instants in seconds since the epoch or RFC 3339; durations in seconds or "1h30m".
 */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";

const Answer = z.object({
  status: z.literal("success"),
  data: z.unknown(),
  warnings: z.array(z.string()).optional(),
});
export const PrometheusFault = z.object({
  status: z.literal("error"),
  errorType: z.string(),
  error: z.string(),
});

/** Longer than the router lets a part of a path be, no label's name is. */
const MAX_NAME_CHARS = 200;
const FORM = "application/x-www-form-urlencoded";
const MAX_FORM_BYTES = 64 * 1024;

const text = z.string().optional();
const Instant = { query: z.string(), time: text, timeout: text, limit: text };
const Range = {
  ...{ query: z.string(), start: z.string(), end: z.string(), step: z.string() },
  ...{ timeout: text, limit: text },
};
const Listing = {
  ...{ start: text, end: text, limit: text },
  "match[]": z.array(z.string()).optional(),
};

const JSON_ANSWER = {
  access: "viewer",
  raw: "application/json",
  reply: Answer,
  dialect: "prometheus",
} as const;
const reading = { ...JSON_ANSWER, method: "GET" } as const;
const form = {
  ...JSON_ANSWER,
  method: "POST",
  takes: [FORM],
  maxBodyBytes: MAX_FORM_BYTES,
} as const;

const query = { path: "promQuery", summary: "PromQL at one instant" } as const;
const queryRange = { path: "promQueryRange", summary: "PromQL over a range" } as const;
const series = { path: "promSeries", summary: "Series that match one selector" } as const;
const labels = { path: "promLabels", summary: "Names of labels" } as const;
const exemplars = { path: "promExemplars", summary: "Exemplars; none are kept" } as const;

export const prometheusRoutes = [
  { ...reading, ...query, query: z.object(Instant) },
  { ...form, ...query },
  { ...reading, ...queryRange, query: z.object(Range) },
  { ...form, ...queryRange },
  { ...reading, ...series, query: z.object(Listing) },
  { ...form, ...series },
  { ...reading, ...labels, query: z.object(Listing) },
  { ...form, ...labels },
  {
    ...reading,
    path: "promLabelValues",
    summary: "Values of one label",
    params: z.object({ name: z.string().min(1).max(MAX_NAME_CHARS) }),
    query: z.object(Listing),
  },
  {
    ...reading,
    path: "promMetadata",
    summary: "Type, help and unit of metrics, as their senders said them",
    query: z.object({ metric: text, limit: text, limit_per_metric: text }),
  },
  {
    ...reading,
    ...exemplars,
    query: z.object({ query: z.string(), start: text, end: text }),
  },
  { ...form, ...exemplars },
  { ...reading, path: "promRules", summary: "Rules; NovaEvo's are its plan, so there are none" },
  { ...reading, path: "promBuildInfo", summary: "What answers here, and its version" },
] as const satisfies readonly RouteSpec[];
