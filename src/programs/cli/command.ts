/** What a command of the CLI is. Exit codes: 0 ok, 1 a problem found, 2 usage. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { newClient, type Call } from "../../contract/client.ts";
import { redact } from "../../io/log/json-log.ts";
import { loadConfig, type Config } from "../config.ts";
import { Refusal } from "../data-dir.ts";

export const OK = 0;
export const PROBLEM = 1;
export const USAGE = 2;

export type Command = {
  readonly summary: string;
  readonly usage: string;
  /** Started by `up`, not by people: left out of the first help. */
  readonly internal?: true;
  readonly run: (words: readonly string[]) => Promise<number>;
};

type Options = NonNullable<ParseArgsConfig["options"]>;

export type Invocation = {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
  readonly config: Config;
  readonly out: (text: string) => void;
  readonly fail: (text: string, code?: number) => number;
};

const COMMON = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  data: { type: "string" },
  port: { type: "string" },
  plan: { type: "string" },
} as const satisfies Options;

/** Parses the words, loads the configuration, and turns what was thrown into a sentence. */
export const command = (
  about: {
    readonly name: string;
    readonly summary: string;
    readonly usage: string;
    readonly internal?: true;
  },
  options: Options,
  run: (invocation: Invocation) => Promise<number>,
): Command => {
  const out = (text: string): void =>
    void process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  const fail = (text: string, code = PROBLEM): number => {
    process.stderr.write(`novaevo ${about.name}: ${redact(text)}\n`);
    return code;
  };
  return {
    summary: about.summary,
    usage: about.usage,
    ...(about.internal === undefined ? {} : { internal: about.internal }),
    run: async (words) => {
      try {
        const parsed = parse(words, { ...COMMON, ...options });
        if (typeof parsed === "string") return fail(`${parsed}\n\nusage: ${about.usage}`, USAGE);
        if (parsed.flags["help"] === true) {
          out(`${about.summary}\n\nusage: ${about.usage}\n`);
          return OK;
        }
        const config = loadConfig(process.env, settingsOf(parsed.flags));
        if (!config.ok) return fail(config.error.join("\n"), USAGE);
        const json = parsed.flags["json"] === true;
        return await run({ ...parsed, json, config: config.value, out, fail });
      } catch (fault) {
        if (fault instanceof Refusal) return fail(fault.message);
        return fail(fault instanceof Error ? (fault.stack ?? fault.message) : String(fault));
      }
    },
  };
};

type Parsed = Pick<Invocation, "words" | "flags">;

const parse = (words: readonly string[], options: Options): Parsed | string => {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
    });
    return { words: positionals, flags: values as Invocation["flags"] };
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
};

const settingsOf = (flags: Invocation["flags"]): Parameters<typeof loadConfig>[1] => ({
  ...(typeof flags["data"] === "string" ? { NOVAEVO_DATA: flags["data"] } : {}),
  ...(typeof flags["port"] === "string" ? { NOVAEVO_PORT: flags["port"] } : {}),
  ...(typeof flags["plan"] === "string" ? { NOVAEVO_PLAN: flags["plan"] } : {}),
});

/** The API of the running hub, with the token of this installation (or `NOVAEVO_TOKEN`). */
export const clientOf = async (config: Config): Promise<Call> => {
  const file = path.join(config.dataDir, "admin-token");
  const token =
    process.env["NOVAEVO_TOKEN"] ?? (await readFile(file, "utf8").catch(() => undefined));
  if (token === undefined) {
    throw new Refusal(`no token in ${file}; start NovaEvo first, or set NOVAEVO_TOKEN`);
  }
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return newClient({ fetch, base: `http://${host}:${config.port}`, token: token.trim() });
};

/** Columns as wide as their widest cell; the last one is not padded. */
export const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
};
