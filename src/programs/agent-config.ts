/**
 * What an agent is told: NOVAEVO_AGENT_CONFIG holds JSON, or the path of a file that does.
 *
 * Units:  ms, bytes. Unknown keys are refused, so that a misspelt one is not a silent default.
 * Errors: every problem at once, each as `NOVAEVO_AGENT_CONFIG: path: what is wrong`.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { err, ok, type Result } from "../kernel/result.ts";
import { RECORD_TYPES } from "../watch/collect/probe-answer.ts";

export const AGENT_CONFIG = "NOVAEVO_AGENT_CONFIG";

const MIB = 1024 * 1024;
const MAX_CONFIG_BYTES = MIB;
const MAX_TARGETS = 500;
const DEFAULT_INTERVAL_MS = 1_000;
/** What a look may take of its interval where nothing is said. */
const TIMEOUT_SHARE = 0.9;

const intervalMs = z.number().int().min(100).max(3_600_000);
const timeoutMs = z.number().int().min(10).max(600_000);
const timing = { intervalMs: intervalMs.optional(), timeoutMs: timeoutMs.optional() };
const name = z.string().regex(/^[\w.:@/ -]{1,128}$/, "1 to 128 letters, digits, . : @ / - _ blank");
const webAddress = z
  .string()
  .max(2_048)
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "not an http(s) address");
const labels = z
  .record(
    z.string().regex(/^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,127}$/, "not a label name, or begins with __"),
    z.string().regex(/^[^\0]{0,1024}$/, "over 1024 characters, or a NUL"),
  )
  .refine((all) => Object.keys(all).length <= 32, "at most 32 labels")
  .default({});
const port = z.number().int().min(1).max(65_535);

const file = z.string().min(1).max(4_096);
/** Believed in place of the system's authorities; asked under another name; not looked at. */
const Tls = z.strictObject({
  caFile: file.optional(),
  serverName: z.string().min(1).max(253).optional(),
  insecure: z.boolean().default(false),
});

const Scrape = z.strictObject({
  job: name,
  url: webAddress,
  ...timing,
  labels,
  honorLabels: z.boolean().default(false),
  honorTimestamps: z.boolean().default(true),
  /** Over the answers of one scrape; 0 takes a redirect for the answer. */
  maxRedirects: z.number().int().min(0).max(10).default(5),
  tls: Tls.optional(),
  bearerTokenFile: file.optional(),
  basicAuth: z
    .strictObject({
      // The colon parts the name from the password.
      username: z.string().regex(/^[^:\0\r\n]{1,256}$/, "1 to 256 characters, no colon"),
      passwordFile: file,
    })
    .optional(),
  maxBytes: z
    .number()
    .int()
    .min(1_024)
    .max(64 * MIB)
    .default(16 * MIB),
  maxSamples: z.number().int().min(1).max(100_000).default(20_000),
});
const isResolver = (text: string): boolean => {
  const [, bracketed, plain, at = "53"] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return isIP(bracketed ?? plain ?? "") !== 0 && port.safeParse(Number(at)).success;
};
const hostName = z.string().min(1).max(253);
const Dns = z.strictObject({
  query: hostName,
  type: z.enum(RECORD_TYPES).default("A"),
  /** Address and port, an IPv6 address in brackets; without it the system's resolvers. */
  resolver: z
    .string()
    .max(64)
    .refine((text) => isResolver(text), "no address, or address:port")
    .optional(),
  /** Each must be among the answers; empty means that there is one. */
  expected: z.array(z.string().min(1).max(4_096)).max(50).default([]),
});
const Probe = z.strictObject({
  name,
  /** An address, or host and port (with tls: a handshake there), or a question to the DNS. */
  url: webAddress.optional(),
  host: hostName.optional(),
  port: port.optional(),
  dns: Dns.optional(),
  tls: Tls.optional(),
  ...timing,
  labels,
  statuses: z.array(z.number().int().min(100).max(599)).max(50).default([]),
});
const Watched = z.strictObject({
  name,
  service: name,
  pid: z.number().int().min(1).optional(),
  pidFile: z.string().min(1).optional(),
});
const Postgres = z.strictObject({
  connectionString: z
    .string()
    .refine(
      (text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? ""),
      "not a PostgreSQL address",
    ),
  service: name,
  ...timing,
});
const Settings = z.strictObject({
  agentId: z.string().regex(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, . _ -"),
  hubUrl: webAddress,
  tokenFile: z.string().min(1),
  dataDir: z.string().min(1),
  intervalMs: intervalMs.default(DEFAULT_INTERVAL_MS),
  host: z.string().min(1).max(255),
  maxBufferBytes: z
    .number()
    .int()
    .min(MIB)
    .max(1_048_576 * MIB)
    .default(1_024 * MIB),
  scrapes: z.array(Scrape).max(MAX_TARGETS).default([]),
  probes: z.array(Probe).max(MAX_TARGETS).default([]),
  processes: z.array(Watched).max(MAX_TARGETS).default([]),
  postgres: Postgres.optional(),
});
type Found = z.infer<typeof Settings>;

/** As written by who starts an agent. */
export type AgentSettings = z.input<typeof Settings>;

type Timed = { readonly intervalMs: number; readonly timeoutMs: number };
type ProbeTarget =
  | {
      readonly kind: "http";
      readonly url: string;
      readonly statuses: readonly number[];
      readonly tls: z.infer<typeof Tls> | undefined;
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | ({ readonly kind: "tls"; readonly host: string; readonly port: number } & z.infer<typeof Tls>)
  | ({ readonly kind: "dns" } & z.infer<typeof Dns>);

export type AgentConfig = Omit<Found, "scrapes" | "probes" | "postgres"> & {
  readonly timeoutMs: number;
  readonly scrapes: readonly (Omit<Found["scrapes"][number], keyof Timed> & Timed)[];
  readonly probes: readonly (Timed & {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly target: ProbeTarget;
  })[];
  readonly postgres: (Omit<z.infer<typeof Postgres>, keyof Timed> & Timed) | undefined;
};

export const loadAgentConfig = (
  env: Readonly<Record<string, string | undefined>>,
): Result<AgentConfig, readonly string[]> => {
  const json = readJson(env[AGENT_CONFIG] ?? "");
  const result = json.ok ? parseAgentConfig(json.value) : err([json.error]);
  return result.ok ? result : err(result.error.map((fault) => `${AGENT_CONFIG}: ${fault}`));
};

export const parseAgentConfig = (value: unknown): Result<AgentConfig, readonly string[]> => {
  const parsed = Settings.safeParse(value);
  if (!parsed.success) {
    return err(parsed.error.issues.map(({ path, message }) => `${placeOf(path)}: ${message}`));
  }
  const { data } = parsed;
  const timed = timingOf(data.intervalMs);
  const config: AgentConfig = {
    ...data,
    timeoutMs: timed({}).timeoutMs,
    scrapes: data.scrapes.map((scrape) => ({ ...scrape, ...timed(scrape) })),
    probes: data.probes.map((probe) => ({
      ...timed(probe),
      name: probe.name,
      labels: probe.labels,
      target: targetOf(probe),
    })),
    postgres: data.postgres && { ...data.postgres, ...timed(data.postgres) },
  };
  const faults = [...faultsOf(data), ...lateTimeouts(config)];
  return faults.length > 0 ? err(faults) : ok(config);
};

const readJson = (text: string): Result<unknown, string> => {
  if (text.trim() === "") return err("is not set; give JSON, or the path of a file that holds it");
  const isText = text.trimStart().startsWith("{");
  const what = isText ? "the JSON" : text;
  try {
    const source = isText ? text : readFileSync(text, "utf8");
    if (source.length > MAX_CONFIG_BYTES) return err(`${what} is over ${MAX_CONFIG_BYTES} bytes`);
    return ok(JSON.parse(source) as unknown);
  } catch (fault) {
    // The message of a JSON error quotes the text, which may hold a password.
    const why = fault instanceof SyntaxError ? "is not JSON" : String(fault);
    return err(`${what} ${why}`);
  }
};

const placeOf = (path: readonly PropertyKey[]): string =>
  path.length === 0
    ? "the whole"
    : path
        .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
        .join("")
        .replace(/^\./, "");

const timingOf =
  (usualMs: number) =>
  (own: { readonly intervalMs?: number | undefined; readonly timeoutMs?: number | undefined }) => {
    const everyMs = own.intervalMs ?? usualMs;
    return {
      intervalMs: everyMs,
      timeoutMs: own.timeoutMs ?? Math.floor(everyMs * TIMEOUT_SHARE),
    };
  };

const targetOf = (probe: Found["probes"][number]): ProbeTarget => {
  const { url, host = "", port: at = 0, dns, tls, statuses } = probe;
  if (dns !== undefined) return { kind: "dns", ...dns };
  if (url !== undefined) return { kind: "http", url, statuses, tls };
  return tls === undefined
    ? { kind: "tcp", host, port: at }
    : { kind: "tls", host, port: at, ...tls };
};

const lateTimeouts = ({ scrapes, probes, postgres }: AgentConfig): string[] => {
  const all: [string, Timed][] = [
    ...scrapes.map((one, nth): [string, Timed] => [`scrapes[${nth}]`, one]),
    ...probes.map((one, nth): [string, Timed] => [`probes[${nth}]`, one]),
    ...(postgres === undefined ? [] : [["postgres", postgres] satisfies [string, Timed]]),
  ];
  return all
    .filter(([, one]) => one.timeoutMs > one.intervalMs)
    .map(([place, one]) => `${place}.timeoutMs: over the interval of ${one.intervalMs} ms`);
};

/** What no single field shows. */
const faultsOf = ({ scrapes, probes, processes }: Found): string[] => {
  const twice = (place: string, names: readonly string[]): string[] =>
    names.flatMap((one, nth) =>
      names.indexOf(one) < nth ? [`${place}[${nth}]: "${one}" is there twice`] : [],
    );
  return [
    ...twice(
      "scrapes",
      scrapes.map(({ job, url, labels: own }) => `${job} ${own["instance"] ?? new URL(url).host}`),
    ),
    ...twice(
      "probes",
      probes.map((probe) => probe.name),
    ),
    ...twice(
      "processes",
      processes.map((watched) => watched.name),
    ),
    ...probes.flatMap((probe, nth) => probeFaults(probe).map((fault) => `probes[${nth}]${fault}`)),
    ...scrapes.flatMap(({ bearerTokenFile, basicAuth }, nth) =>
      bearerTokenFile !== undefined && basicAuth !== undefined
        ? [`scrapes[${nth}]: give bearerTokenFile or basicAuth`]
        : [],
    ),
    ...processes.flatMap(({ pid, pidFile }, nth) =>
      (pid === undefined) === (pidFile === undefined)
        ? [`processes[${nth}]: give pid or pidFile`]
        : [],
    ),
  ];
};

const probeFaults = (probe: Found["probes"][number]): string[] => {
  const { url, host, port: at, dns, tls, statuses } = probe;
  const hasPort = host !== undefined && at !== undefined;
  const isHalf = (host === undefined) !== (at === undefined);
  const targets = [url !== undefined, hasPort, dns !== undefined].filter(Boolean).length;
  if (targets !== 1 || isHalf) return [": give url, or host and port, or dns"];
  return [
    ...(url === undefined && statuses.length > 0 ? [".statuses: only with url"] : []),
    ...(dns !== undefined && tls !== undefined ? [".tls: not with dns"] : []),
  ];
};
