/**
 * What a command of the CLI is: words and flags in, an exit code out.
 *
 * Shape:  exit codes: 0 ok, 1 a problem found, 2 usage. With `--json` the answer is one JSON
 *         document on stdout, and so is a failure: `{"error":{"code","message"}}`.
 * Errors: a Refusal or a Misuse is printed as its sentence; anything else with its stack.
 */
import type { Problem } from "../../kernel/result.ts";
import { redact } from "../../io/log/json-log.ts";
import type { Config } from "../config.ts";
import { Refusal } from "../data-dir.ts";
import type { Action, Asked, Command } from "./action.ts";
import { actionHelp, commandHelp } from "./help.ts";
import { Misuse, parseWords, type Flags, type ParsedFlags } from "./parse.ts";
import { suggest } from "./suggest.ts";

export const OK = 0;
export const PROBLEM = 1;
export const USAGE = 2;

type Streams = { readonly out: (text: string) => void; readonly err: (text: string) => void };
const PROCESS: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

export const runCommand = async (
  name: string,
  command: Command,
  words: readonly string[],
  streams: Streams = PROCESS,
): Promise<number> => {
  const json = words.includes("--json");
  const line = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);
  const out = (text: string): void => streams.out(line(text));
  const complain = (problem: string | Problem, code: number): number => {
    const {
      code: kind,
      message,
      field,
    } = typeof problem === "string" ? { code: wordOf(code), message: problem } : named(problem);
    if (json) {
      const error = { code: kind, message: redact(message), ...(field ? { field } : {}) };
      out(JSON.stringify({ error }, undefined, 2));
    } else streams.err(line(`novaevo ${name}: ${redact(message)}`));
    return code;
  };
  try {
    const chosen = choose(name, command, words);
    if (typeof chosen === "string") {
      out(chosen);
      return OK;
    }
    return await chosen.action.run({
      words: chosen.words,
      flags: chosen.flags,
      json,
      out,
      show: (value, lines) => out(json ? JSON.stringify(value, undefined, 2) : lines().join("\n")),
      fail: (problem) => complain(problem, PROBLEM),
    });
  } catch (fault) {
    if (fault instanceof Misuse) return complain(fault.message, USAGE);
    if (fault instanceof Refusal) return complain(fault.message, PROBLEM);
    return complain(
      fault instanceof Error ? (fault.stack ?? fault.message) : String(fault),
      PROBLEM,
    );
  }
};

const wordOf = (code: number): string => (code === USAGE ? "usage" : "refused");

const named = ({ code, message, field }: Problem) => ({ code, message, field });

type Chosen = {
  readonly action: Action;
  readonly words: readonly string[];
  readonly flags: ParsedFlags;
};

/** The action and its words; a text is the help that was asked for. */
const choose = (name: string, command: Command, words: readonly string[]): Chosen | string => {
  if ("action" in command) return parseFor(name, command.action, words);
  const [verb, ...rest] = words;
  const help = commandHelp(name, command.summary, command.verbs);
  if (verb === "--help" || verb === "-h" || verb === "help") return help;
  if (verb === undefined || verb.startsWith("-")) {
    throw new Misuse(`one of ${Object.keys(command.verbs).join(", ")} is missing\n\n${help}`);
  }
  const action = Object.hasOwn(command.verbs, verb) ? command.verbs[verb] : undefined;
  if (action !== undefined) return parseFor(`${name} ${verb}`, action, rest);
  const meant = suggest(verb, Object.keys(command.verbs));
  throw new Misuse(
    `no "${verb.slice(0, 60)}"${meant === undefined ? "" : `; did you mean "${meant}"?`}\n\n${help}`,
  );
};

const parseFor = (name: string, action: Action, words: readonly string[]): Chosen | string => {
  const { words: wanted = [], flags: allowed = {} } = action;
  const parsed = parseWords(words, allowed);
  if (parsed.flags["help"] === true) return actionHelp(name, action);
  const usage = `usage: novaevo ${[name, ...wanted].join(" ")}`;
  const needed = wanted.filter((word) => !word.startsWith("["));
  const missing = needed[parsed.words.length];
  if (missing !== undefined) throw new Misuse(`${missing} is missing\n\n${usage}`);
  const extra = parsed.words[wanted.length];
  if (extra !== undefined)
    throw new Misuse(`"${extra.slice(0, 60)}" is one word too many\n\n${usage}`);
  return { action, ...parsed };
};

/** Flags that stand over the environment, by the setting each one names. */
export const SETTING_FLAGS = {
  config: { value: "FILE", says: "settings as JSON (NOVAEVO_CONFIG)" },
  data: { value: "DIR", says: "data folder (NOVAEVO_DATA)" },
  plan: { value: "FILE", says: "launch plan (NOVAEVO_PLAN)" },
  host: { value: "ADDRESS", says: "address to serve on (NOVAEVO_HOST)" },
  port: { value: "PORT", says: "port to serve on (NOVAEVO_PORT)" },
  hosts: { value: "NAMES", says: "further host names requests may carry (NOVAEVO_HOSTS)" },
  "trust-proxy": { value: "0|1", says: "a proxy with TLS stands in front (NOVAEVO_TRUST_PROXY)" },
  log: { value: "LEVEL", says: "debug, info, warn or error (NOVAEVO_LOG)" },
  "agent-id": { value: "ID", says: "name of the local agent (NOVAEVO_AGENT_ID)" },
  scrape: { value: "TARGETS", says: "job=http://host:port/metrics,… (NOVAEVO_SCRAPE)" },
} as const satisfies Flags;

const SETTINGS = {
  data: "NOVAEVO_DATA",
  plan: "NOVAEVO_PLAN",
  host: "NOVAEVO_HOST",
  port: "NOVAEVO_PORT",
  hosts: "NOVAEVO_HOSTS",
  "trust-proxy": "NOVAEVO_TRUST_PROXY",
  log: "NOVAEVO_LOG",
  "agent-id": "NOVAEVO_AGENT_ID",
  scrape: "NOVAEVO_SCRAPE",
} as const satisfies Partial<Record<keyof typeof SETTING_FLAGS, keyof Config["origins"]>>;

/** Flags over environment over file. Loaded only here: an agent needs none of it. */
export const configOf = async ({ flags }: Pick<Asked, "flags">): Promise<Config> => {
  const { loadConfig } = await import("../config.ts");
  const given = Object.entries(SETTINGS).flatMap(([flag, setting]) => {
    const said = flags[flag];
    return typeof said === "string" ? [[setting, said] as const] : [];
  });
  const file = flags["config"];
  const env = typeof file === "string" ? { ...process.env, NOVAEVO_CONFIG: file } : process.env;
  const config = loadConfig(env, Object.fromEntries(given));
  if (!config.ok) throw new Misuse(config.error.join("\n"));
  return config.value;
};
