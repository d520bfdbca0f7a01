/**
 * Words and flags of one command line.
 *
 * Errors: throws a Misuse that names what is wrong and, where a slip is likely, what was meant.
 */
import { parseArgs } from "node:util";
import { suggest } from "./suggest.ts";

/** What was typed cannot be meant; exit code 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/** A flag with `value` takes one; a flag without is a switch. */
export type Flag = { readonly value?: string; readonly says: string };
export type Flags = Readonly<Record<string, Flag>>;
export type ParsedFlags = Readonly<Record<string, string | true | undefined>>;

export const COMMON_FLAGS = {
  json: { says: "answer as JSON" },
  help: { says: "this text" },
} as const satisfies Flags;

const MAX_SHOWN_CHARS = 60;

export const parseWords = (
  args: readonly string[],
  allowed: Flags,
): { readonly words: readonly string[]; readonly flags: ParsedFlags } => {
  const flags: Flags = { ...allowed, ...COMMON_FLAGS };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries(
        Object.entries(flags).map(([name, { value }]) => [
          name,
          { type: value === undefined ? ("boolean" as const) : ("string" as const) },
        ]),
      ),
      help: { type: "boolean", short: "h" },
    },
  });
  const words: string[] = [];
  const found: Record<string, string | true> = {};
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind === "option") found[token.name] = valueOf(token, flags);
  }
  return { words, flags: found };
};

type Token = {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
};

const valueOf = (token: Token, flags: Flags): string | true => {
  const { name, rawName, value, inlineValue } = token;
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag === undefined) {
    const meant = suggest(name, Object.keys(flags));
    const hint = meant === undefined ? "--help lists what there is" : `did you mean --${meant}?`;
    throw new Misuse(`no flag ${rawName.slice(0, MAX_SHOWN_CHARS)}; ${hint}`);
  }
  if (flag.value === undefined) {
    if (inlineValue === true) throw new Misuse(`${rawName} takes no value`);
    return true;
  }
  // `--data --json` is a forgotten value, not a folder called "--json".
  if (value === undefined || (inlineValue !== true && value.startsWith("-"))) {
    throw new Misuse(`${rawName} needs a value: ${rawName}=${flag.value}`);
  }
  return value;
};

/** A whole number of a flag, within its limits. */
export const wholeNumber = (
  flags: ParsedFlags,
  name: string,
  limits: { readonly min: number; readonly max: number },
): number | undefined => {
  const said = flags[name];
  if (said === undefined) return undefined;
  const number = /^\d{1,15}$/.test(String(said)) ? Number(said) : Number.NaN;
  if (number >= limits.min && number <= limits.max) return number;
  throw new Misuse(`--${name}: a whole number from ${limits.min} to ${limits.max}`);
};

/** One of the words a flag may be. */
export const oneOf = <W extends string>(
  flags: ParsedFlags,
  name: string,
  known: readonly W[],
): W | undefined => {
  const said = flags[name];
  if (said === undefined) return undefined;
  const found = known.find((word) => word === said);
  if (found !== undefined) return found;
  const meant = suggest(String(said), known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  throw new Misuse(`--${name}: one of ${known.join(", ")}${hint}`);
};
