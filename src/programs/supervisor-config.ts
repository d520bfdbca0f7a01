/**
 * What the supervisor is told: NOVAEVO_SUPERVISOR_CONFIG names a JSON file.
 *
 * Units:  cores; bytes; ms. Unknown keys are refused, so that a misspelt one is no silent default.
 * Errors: every problem at once, each as `NOVAEVO_SUPERVISOR_CONFIG: path: what is wrong`.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { err, ok, type Result } from "../kernel/result.ts";
import { MAX_INSTANCES } from "../respond/control/messages.ts";
import { MEBIBYTE } from "../respond/supervisor/desired.ts";
import { POLICY } from "../respond/supervisor/restart.ts";

export const SUPERVISOR_CONFIG = "NOVAEVO_SUPERVISOR_CONFIG";

const MAX_CONFIG_BYTES = MEBIBYTE;
const MAX_PARTNERS = 64;
const MAX_SERVICES = 32;
const MAX_REGIONS = 8;
/** Node itself takes about half of it. */
export const MIN_MEMORY_BYTES = 96 * MEBIBYTE;
const MAX_MEMORY_BYTES = 65_536 * MEBIBYTE;
const MAX_CORES = 64;
const HOUR_MS = 3_600_000;

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -, not beginning with -");
const file = z.string().min(1).max(4_096);
const http = z.url({ protocol: /^https?$/ }).max(2_048);
const memory = z.int().min(MIN_MEMORY_BYTES).max(MAX_MEMORY_BYTES);
const cores = z.number().positive().max(MAX_CORES);
const replicas = z.int().min(0).max(MAX_INSTANCES);
const ms = z.int().min(1).max(HOUR_MS);

const region = z.strictObject({
  replicas,
  min: replicas,
  max: z.int().min(1).max(MAX_INSTANCES),
});
const service = z.strictObject({
  id: name,
  entry: file,
  version: z.string().min(1).max(60),
  cpuCores: cores,
  maxCpuCores: cores.optional(),
  memoryBytes: memory,
  maxMemoryBytes: memory.optional(),
  regions: z.record(name, region),
  /** Told besides what every service is told. */
  env: z.record(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), z.string().max(8_192)).default({}),
});
const policy = z.strictObject({
  readyWithinMs: ms.default(POLICY.readyWithinMs),
  baseMs: ms.default(POLICY.baseMs),
  capMs: ms.default(POLICY.capMs),
  steadyMs: ms.default(POLICY.steadyMs),
  windowMs: ms.default(POLICY.windowMs),
  maxRestarts: z.int().min(1).max(100).default(POLICY.maxRestarts),
});

const settings = z.strictObject({
  dataDir: file,
  /** 0: any free one; it is said when the supervisor is ready. */
  port: z.int().min(0).max(65_535).default(0),
  tokenFile: file,
  /** Only then are there doors for faults. */
  rehearsal: z.boolean().default(false),
  scenariosDir: file.optional(),
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  otlp: z.strictObject({ url: http, tokenFile: file }).optional(),
  /** Region → the gateway there. */
  gatewayUrls: z.record(name, http).default({}),
  partners: z
    .record(name, http)
    .refine((all) => Object.keys(all).length <= MAX_PARTNERS, `at most ${MAX_PARTNERS} partners`)
    .default({}),
  /** A cgroup v2 directory that is ours to divide; without it the supervisor's own is looked at. */
  cgroupDir: file.optional(),
  policy: policy.prefault({}),
  services: z.array(service).min(1).max(MAX_SERVICES),
});

/** As written by who starts a supervisor. */
export type SupervisorSettings = z.input<typeof settings>;
export type SupervisorConfig = z.output<typeof settings>;

export const loadSupervisorConfig = (
  env: Readonly<Record<string, string | undefined>>,
): Result<SupervisorConfig, readonly string[]> => {
  const said = (faults: readonly string[]) =>
    err(faults.map((fault) => `${SUPERVISOR_CONFIG}: ${fault}`));
  const name = env[SUPERVISOR_CONFIG];
  if (name === undefined || name === "") return said(["is not set; give the path of a JSON file"]);
  const value = readJson(name);
  if (!value.ok) return said([value.error]);
  const read = settings.safeParse(value.value);
  if (!read.success) {
    return said(read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`));
  }
  const faults = faultsOf(read.data);
  if (faults.length > 0) return said(faults);
  return ok(absolute(read.data, path.dirname(path.resolve(name))));
};

const readJson = (name: string): Result<unknown, string> => {
  try {
    const text = readFileSync(name, "utf8");
    if (text.length > MAX_CONFIG_BYTES) return err(`${name} is over ${MAX_CONFIG_BYTES} bytes`);
    return ok(JSON.parse(text) as unknown);
  } catch (fault) {
    // The message of a JSON error quotes the text, which may hold a password.
    return err(`${name} ${fault instanceof SyntaxError ? "is not JSON" : String(fault)}`);
  }
};

/** What no single field shows. */
const faultsOf = ({ services }: SupervisorConfig): readonly string[] => {
  const ids = services.map(({ id }) => id);
  const most = services.flatMap(({ regions }) => Object.values(regions).map(({ max }) => max));
  const total = most.reduce((sum, max) => sum + max, 0);
  return [
    ...ids.flatMap((id, nth) =>
      ids.indexOf(id) < nth ? [`services.${nth}.id: "${id}" is there twice`] : [],
    ),
    ...(total > MAX_INSTANCES
      ? [`services: ${total} instances at most, ${MAX_INSTANCES} are allowed over all`]
      : []),
    ...services.flatMap((service, nth) =>
      serviceFaults(service).map((is) => `services.${nth}.${is}`),
    ),
  ];
};

const serviceFaults = (one: SupervisorConfig["services"][number]): readonly string[] => {
  const { regions, cpuCores, maxCpuCores, memoryBytes, maxMemoryBytes } = one;
  const count = Object.keys(regions).length;
  return [
    ...(count < 1 || count > MAX_REGIONS ? [`regions: 1 to ${MAX_REGIONS} are allowed`] : []),
    ...Object.entries(regions).flatMap(([id, { replicas, min, max }]) =>
      replicas < min || replicas > max
        ? [`regions.${id}.replicas: ${replicas} is not ${min} (min) to ${max} (max)`]
        : [],
    ),
    ...((maxCpuCores ?? cpuCores) < cpuCores ? ["maxCpuCores: below cpuCores"] : []),
    ...((maxMemoryBytes ?? memoryBytes) < memoryBytes ? ["maxMemoryBytes: below memoryBytes"] : []),
  ];
};

/** Paths are meant from where the file is. */
const absolute = (config: SupervisorConfig, from: string): SupervisorConfig => {
  const at = (name: string): string => path.resolve(from, name);
  const { scenariosDir, otlp } = config;
  return {
    ...config,
    dataDir: at(config.dataDir),
    tokenFile: at(config.tokenFile),
    ...(scenariosDir === undefined ? {} : { scenariosDir: at(scenariosDir) }),
    ...(otlp === undefined ? {} : { otlp: { ...otlp, tokenFile: at(otlp.tokenFile) } }),
    services: config.services.map((one) => Object.assign(one, { entry: at(one.entry) })),
  };
};
