/**
 * What a service process is told at its start, by the environment.
 *
 * Shape:  FLEET_SERVICE, FLEET_INSTANCE (`<service>.<region>.<nth>`), FLEET_REGION, FLEET_VERSION,
 *         FLEET_PORT, FLEET_DATA_DIR, FLEET_DATABASE_URL, FLEET_GATEWAY_URL, FLEET_PARTNERS (JSON:
 *         name → URL); FLEET_OTLP_URL with FLEET_OTLP_TOKEN (absent: no telemetry),
 *         FLEET_FAULT_TOKEN (absent: no fault door).
 * Errors: every variable that is wrong is named, with its limit.
 */
import { z } from "zod";
import { err, ok, type Result } from "../../src/kernel/result.ts";

export type FleetEnv = {
  readonly service: string;
  readonly instance: string;
  readonly region: string;
  readonly version: string;
  readonly dataDir: string;
  /** Absent where the service keeps nothing. */
  readonly databaseUrl: string | undefined;
  readonly gatewayUrl: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  readonly otlp: { readonly url: string; readonly token: string } | undefined;
  readonly partners: Readonly<Record<string, string>>;
  readonly faultToken: string | undefined;
};

const MAX_NAME_CHARS = 63;
const MAX_PARTNERS = 64;
const MIN_TOKEN_CHARS = 16;
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, "a lower-case name")
  .max(MAX_NAME_CHARS);
const http = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));
const partners = z
  .string()
  .default("{}")
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue("is not JSON");
      return z.NEVER;
    }
  })
  .pipe(z.record(name, http))
  .refine((all) => Object.keys(all).length <= MAX_PARTNERS, `at most ${MAX_PARTNERS} partners`);

const environment = z.object({
  FLEET_SERVICE: name,
  FLEET_INSTANCE: z.string().regex(/^[a-z0-9.-]{1,128}$/, "1 to 128 of a-z, 0-9, '.' and '-'"),
  FLEET_REGION: name,
  FLEET_VERSION: z.string().min(1).max(64),
  FLEET_DATA_DIR: z.string().min(1).max(4_096),
  FLEET_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  FLEET_GATEWAY_URL: http.optional(),
  FLEET_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  FLEET_OTLP_URL: http.optional(),
  FLEET_OTLP_TOKEN: z.string().min(1).max(4_096).optional(),
  FLEET_PARTNERS: partners,
  FLEET_FAULT_TOKEN: z.string().min(MIN_TOKEN_CHARS).max(4_096).optional(),
});

export const parseEnv = (
  env: Readonly<Record<string, string | undefined>>,
): Result<FleetEnv, string> => {
  // A variable set to nothing is one that is not set.
  const set = Object.entries(env).filter(([, value]) => value !== "" && value !== undefined);
  const parsed = environment.safeParse(Object.fromEntries(set));
  if (!parsed.success)
    return err(
      parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
    );
  const said = parsed.data;
  if (said.FLEET_OTLP_URL !== undefined && said.FLEET_OTLP_TOKEN === undefined)
    return err("FLEET_OTLP_TOKEN: is needed beside FLEET_OTLP_URL");
  return ok({
    service: said.FLEET_SERVICE,
    instance: said.FLEET_INSTANCE,
    region: said.FLEET_REGION,
    version: said.FLEET_VERSION,
    dataDir: said.FLEET_DATA_DIR,
    databaseUrl: said.FLEET_DATABASE_URL,
    gatewayUrl: said.FLEET_GATEWAY_URL,
    port: said.FLEET_PORT,
    otlp:
      said.FLEET_OTLP_URL === undefined || said.FLEET_OTLP_TOKEN === undefined
        ? undefined
        : { url: said.FLEET_OTLP_URL, token: said.FLEET_OTLP_TOKEN },
    partners: said.FLEET_PARTNERS,
    faultToken: said.FLEET_FAULT_TOKEN,
  });
};
