/**
 * The configuration: flags over environment over file, parsed once.
 *
 * Errors: every problem at once, each with the name of the variable and what is allowed.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { err, ok, type Result } from "../kernel/result.ts";
import { LOOPBACK_HOSTS } from "../io/http/origin.ts";

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);
const url = (protocols: readonly string[], what: string) =>
  z.string().refine((text) => protocols.includes(URL.parse(text)?.protocol ?? ""), {
    message: `is not ${what} address`,
  });

const Settings = z.strictObject({
  NOVAEVO_DATA: z.string().min(1).default(".novaevo"),
  NOVAEVO_PLAN: z.string().min(1).default("plans/novaevo.yaml"),
  NOVAEVO_HOST: z.string().min(1).default("127.0.0.1"),
  NOVAEVO_PORT: z.coerce.number().int().min(0).max(65_535).default(4600),
  NOVAEVO_HOSTS: z.string().default(""),
  NOVAEVO_TRUST_PROXY: z.enum(["0", "1"]).default("0"),
  NOVAEVO_LOG: z.enum(["debug", "info", "warn", "error"]).default("info"),
  NOVAEVO_AGENT_ID: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .default("local"),
  NOVAEVO_SCRAPE: z.string().default(""),
  NOVAEVO_SERIES_PER_SOURCE: z.coerce.number().int().min(1).max(10_000_000).default(150_000),
  NOVAEVO_SERIES_PER_METRIC: z.coerce.number().int().min(1).max(10_000_000).default(50_000),
  DATABASE_URL: url(["postgres:", "postgresql:"], "a PostgreSQL").optional(),
  CLICKHOUSE_URL: url(["http:", "https:"], "an http(s) ClickHouse").optional(),
  NOVAEVO_SUPERVISOR_URL: url(["http:", "https:"], "an http(s)").optional(),
  NOVAEVO_GATEWAY_URLS: z.string().default(""),
  NOVAEVO_CONTROL_TOKEN_FILE: z.string().min(1).optional(),
});
type SettingName = keyof z.infer<typeof Settings>;
const NAMES = Object.keys(Settings.shape) as readonly SettingName[];

export type Config = {
  readonly dataDir: string;
  readonly planFile: string;
  readonly host: string;
  readonly port: number;
  /** Host names requests may carry besides the loopback's. */
  readonly hosts: readonly string[];
  readonly trustProxy: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly agentId: string;
  /** Prometheus targets of the local agent: job and address. */
  readonly scrapes: readonly { readonly job: string; readonly url: string }[];
  /** How many series a source and a metric may have. */
  readonly seriesLimits: {
    readonly maxSeriesPerSource: number;
    readonly maxSeriesPerMetric: number;
  };
  readonly databaseUrl: string | undefined;
  readonly clickhouseUrl: string | undefined;
  /** The data plane's control doors; undefined: nothing is changed by itself. */
  readonly control: ControlConfig | undefined;
  /** Where each setting came from, for `novaevo doctor`. */
  readonly origins: Readonly<Record<SettingName, "flag" | "environment" | "file" | "default">>;
};

export type ControlConfig = {
  readonly supervisorUrl: string | undefined;
  /** `region` null: one gateway serves them all. */
  readonly gateways: readonly { readonly region: string | null; readonly url: string }[];
  readonly tokenFile: string;
};

export const loadConfig = (
  env: Readonly<Record<string, string | undefined>>,
  flags: Partial<Record<SettingName, string>> = {},
  cwd: string = process.cwd(),
): Result<Config, readonly string[]> => {
  const file = readFile(env["NOVAEVO_CONFIG"], cwd);
  if (!file.ok) return file;
  const raw: Record<string, unknown> = { ...file.value };
  const origins = Object.fromEntries(
    NAMES.map((name) => [name, raw[name] === undefined ? "default" : "file"]),
  ) as Record<SettingName, Config["origins"][SettingName]>;
  for (const name of NAMES) {
    if (env[name] !== undefined && env[name] !== "") {
      raw[name] = env[name];
      origins[name] = "environment";
    }
    if (flags[name] !== undefined) {
      raw[name] = flags[name];
      origins[name] = "flag";
    }
  }
  const parsed = Settings.safeParse(raw);
  if (parsed.success) return check(parsed.data, origins, cwd);
  const faults = parsed.error.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`);
  const bad = new Set<unknown>(parsed.error.issues.map(({ path: [name] }) => name));
  // What does not parse is left out, so that what is wrong with the rest is said as well.
  const rest = NAMES.filter((name) => !bad.has(name)).map((name) => [name, raw[name]]);
  const checked = check(Settings.parse(Object.fromEntries(rest)), origins, cwd);
  return err(checked.ok ? faults : [...faults, ...checked.error]);
};

const check = (
  found: z.infer<typeof Settings>,
  origins: Config["origins"],
  cwd: string,
): Result<Config, readonly string[]> => {
  const faults: string[] = [];
  const trustProxy = found.NOVAEVO_TRUST_PROXY === "1";
  if (!LOOPBACK.has(found.NOVAEVO_HOST) && !trustProxy) {
    faults.push(
      `NOVAEVO_HOST: ${found.NOVAEVO_HOST} is not a loopback address; put a proxy with TLS in ` +
        "front and set NOVAEVO_TRUST_PROXY=1, or use 127.0.0.1",
    );
  }
  const scrapes = found.NOVAEVO_SCRAPE.split(",")
    .filter((part) => part.trim() !== "")
    .map(parseScrape);
  for (const one of scrapes) if (typeof one === "string") faults.push(`NOVAEVO_SCRAPE: ${one}`);
  const control = controlOf(found, cwd, faults);
  if (faults.length > 0) return err(faults);
  return ok({
    dataDir: path.resolve(cwd, found.NOVAEVO_DATA),
    planFile: path.resolve(cwd, found.NOVAEVO_PLAN),
    host: found.NOVAEVO_HOST,
    port: found.NOVAEVO_PORT,
    hosts: [
      ...LOOPBACK_HOSTS,
      ...found.NOVAEVO_HOSTS.split(",").map((h) => h.trim().toLowerCase()),
    ].filter((host) => host !== ""),
    trustProxy,
    logLevel: found.NOVAEVO_LOG,
    agentId: found.NOVAEVO_AGENT_ID,
    scrapes: scrapes.filter((one) => typeof one !== "string"),
    seriesLimits: {
      maxSeriesPerSource: found.NOVAEVO_SERIES_PER_SOURCE,
      maxSeriesPerMetric: found.NOVAEVO_SERIES_PER_METRIC,
    },
    databaseUrl: found.DATABASE_URL,
    clickhouseUrl: found.CLICKHOUSE_URL,
    control,
    origins,
  });
};

const controlOf = (
  found: z.infer<typeof Settings>,
  cwd: string,
  faults: string[],
): ControlConfig | undefined => {
  const supervisorUrl = found.NOVAEVO_SUPERVISOR_URL;
  const parts = found.NOVAEVO_GATEWAY_URLS.split(",").filter((part) => part.trim() !== "");
  const gateways = parts.flatMap((part) => {
    const [, region, address = ""] = /^(?:([a-z0-9-]{1,63})=)?(.*)$/.exec(part.trim()) ?? [];
    if (/^https?:$/.test(URL.parse(address)?.protocol ?? "")) {
      return [{ region: region ?? null, url: address }];
    }
    faults.push(`NOVAEVO_GATEWAY_URLS: "${part.slice(0, 120)}" is not region=http://host:port`);
    return [];
  });
  if (supervisorUrl === undefined && parts.length === 0) return undefined;
  const tokenFile = found.NOVAEVO_CONTROL_TOKEN_FILE;
  if (tokenFile === undefined) {
    faults.push("NOVAEVO_CONTROL_TOKEN_FILE: is missing; the control doors take no order without");
    return undefined;
  }
  return { supervisorUrl, gateways, tokenFile: path.resolve(cwd, tokenFile) };
};

/** `job=http://127.0.0.1:9100/metrics` */
const parseScrape = (text: string): { readonly job: string; readonly url: string } | string => {
  const [job = "", ...rest] = text.trim().split("=");
  const address = rest.join("=");
  if (!/^[\w.-]{1,64}$/.test(job) || !/^https?:$/.test(URL.parse(address)?.protocol ?? "")) {
    return `"${text.slice(0, 120)}" is not job=http://host:port/metrics`;
  }
  return { job, url: address };
};

const readFile = (
  name: string | undefined,
  cwd: string,
): Result<Record<string, unknown>, readonly string[]> => {
  if (name === undefined || name === "") return ok({});
  const file = path.resolve(cwd, name);
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return ok({ ...value });
    }
    return err([`NOVAEVO_CONFIG: ${file} does not hold a JSON object`]);
  } catch (fault) {
    return err([
      `NOVAEVO_CONFIG: ${file}: ${fault instanceof Error ? fault.message : String(fault)}`,
    ]);
  }
};

export type Setting = {
  readonly name: string;
  readonly value: string;
  readonly origin: Config["origins"][SettingName];
};

/** The effective settings, secrets masked, with where each came from. */
export const describeConfig = (config: Config): readonly Setting[] => {
  const engine = (address: string | undefined): string =>
    address === undefined ? "(embedded)" : maskAddress(address);
  const values: Record<SettingName, string> = {
    NOVAEVO_DATA: config.dataDir,
    NOVAEVO_PLAN: config.planFile,
    NOVAEVO_HOST: config.host,
    NOVAEVO_PORT: String(config.port),
    NOVAEVO_HOSTS: config.hosts.join(","),
    NOVAEVO_TRUST_PROXY: config.trustProxy ? "1" : "0",
    NOVAEVO_LOG: config.logLevel,
    NOVAEVO_AGENT_ID: config.agentId,
    NOVAEVO_SCRAPE: config.scrapes.map(({ job, url: at }) => `${job}=${maskAddress(at)}`).join(),
    NOVAEVO_SERIES_PER_SOURCE: String(config.seriesLimits.maxSeriesPerSource),
    NOVAEVO_SERIES_PER_METRIC: String(config.seriesLimits.maxSeriesPerMetric),
    DATABASE_URL: engine(config.databaseUrl),
    CLICKHOUSE_URL: engine(config.clickhouseUrl),
    NOVAEVO_SUPERVISOR_URL: maskAddress(config.control?.supervisorUrl ?? ""),
    NOVAEVO_GATEWAY_URLS: (config.control?.gateways ?? [])
      .map(({ region, url: at }) => (region === null ? "" : `${region}=`) + maskAddress(at))
      .join(),
    NOVAEVO_CONTROL_TOKEN_FILE: config.control?.tokenFile ?? "",
  };
  return NAMES.map((name) => ({ name, value: values[name], origin: config.origins[name] }));
};

/** A secret may stand before the host or, as PostgreSQL and scrapes take it, in the query. */
const maskAddress = (address: string): string =>
  address
    .replace(/:\/\/[^/]*@/, "://***@")
    .replace(/\?.*$/s, (query) => query.replaceAll(/=[^&]*/g, "=***"));
