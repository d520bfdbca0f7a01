/**
 * What a gateway is told: a JSON file, its path in NOVAEVO_GATEWAY_CONFIG.
 *
 * Shape:  ports (0: any free one), its region, routes, where the supervisor and the hub are, files
 *         with the secrets. Instances may be named outright, for a platform without a supervisor.
 * Units:  ms, bytes.
 * Errors: every fault named with its place.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { err, ok, type Result } from "../kernel/result.ts";
import { CRITICALITIES } from "../respond/gateway/queue.ts";

export const GATEWAY_CONFIG = "NOVAEVO_GATEWAY_CONFIG";
const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_ROUTES = 500;
const MAX_STATIC_CHARS = 64 * 1024;

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -");
const port = z.int().min(0).max(65_535).default(0);
const file = z.string().min(1).max(4_096);
const ms = (most: number) => z.int().min(1).max(most);
const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

const route = z.strictObject({
  prefix: z.string().regex(/^\/[A-Za-z0-9._~/-]{0,200}$/, "a path of up to 200 plain characters"),
  service: name,
  criticality: z.enum(CRITICALITIES),
  feature: z.string().min(1).max(64).optional(),
  timeoutMs: ms(300_000),
  cacheable: z
    .strictObject({ ttlMs: z.int().min(0).max(86_400_000), maxAgeMs: ms(604_800_000) })
    .optional(),
  static: z
    .strictObject({
      status: z.int().min(200).max(599),
      body: z
        .unknown()
        .refine(
          (body) => (JSON.stringify(body) ?? "").length <= MAX_STATIC_CHARS,
          `at most ${MAX_STATIC_CHARS} characters as JSON`,
        ),
    })
    .optional(),
  /** Of calls that only read. */
  retries: z.union([z.literal(0), z.literal(1)]).default(0),
});

const settings = z
  .strictObject({
    host: z.string().min(1).max(255).default("127.0.0.1"),
    port,
    controlPort: port,
    region: name,
    regions: z.array(name).min(1).max(16),
    /** Orders that survive a restart. */
    dataDir: file,
    controlTokenFile: file,
    sessionKeyFile: file,
    supervisor: z.strictObject({ url: httpUrl, tokenFile: file }).optional(),
    otlp: z.strictObject({ url: httpUrl, tokenFile: file }).optional(),
    routes: z.array(route).min(1).max(MAX_ROUTES),
    backups: z.record(name, name).default({}),
    instances: z
      .array(
        z.strictObject({
          id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,94}$/),
          service: name,
          region: name,
          url: httpUrl,
        }),
      )
      .max(64)
      .default([]),
    maxBodyBytes: z
      .int()
      .min(0)
      .max(1024 * 1024 * 1024)
      .default(16 * 1024 * 1024),
    queueCapacity: z.int().min(1).max(10_000).default(500),
    queueDeadlineMs: ms(30_000).default(500),
    /** Between two bytes of an answer. */
    idleMs: ms(300_000).default(30_000),
  })
  .superRefine(({ region, regions, routes, backups }, context) => {
    const say = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    if (!regions.includes(region)) say(["region"], `${region} is not among the regions`);
    const prefixes = routes.map(({ prefix }) => prefix);
    prefixes.forEach((prefix, nth) => {
      if (prefixes.indexOf(prefix) < nth) say(["routes", nth, "prefix"], "is there twice");
    });
    const services = new Set(routes.map(({ service }) => service));
    for (const [of, by] of Object.entries(backups))
      if (!services.has(of) || !services.has(by) || of === by)
        say(["backups", of], "both must be services of the routes, and not one");
  });

export type GatewayConfig = z.infer<typeof settings>;
export type GatewaySettings = z.input<typeof settings>;

export const parseGatewayConfig = (value: unknown): Result<GatewayConfig, readonly string[]> => {
  const parsed = settings.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  return err(
    parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`),
  );
};

export const loadGatewayConfig = (
  env: Readonly<Record<string, string | undefined>>,
): Result<GatewayConfig, readonly string[]> => {
  const named = env[GATEWAY_CONFIG] ?? "";
  if (named === "") return err([`${GATEWAY_CONFIG} is not set: the path of a JSON file`]);
  try {
    const text = readFileSync(named, "utf8");
    if (text.length > MAX_CONFIG_BYTES) return err([`${named} is over ${MAX_CONFIG_BYTES} bytes`]);
    const parsed = parseGatewayConfig(JSON.parse(text));
    return parsed.ok ? parsed : err(parsed.error.map((fault) => `${named}: ${fault}`));
  } catch (fault) {
    return err([fault instanceof SyntaxError ? `${named} is not JSON` : String(fault)]);
  }
};
