/** The text of `--help`, made from what a command says of itself. */
import type { Action } from "./action.ts";
import { COMMON_FLAGS, type Flags } from "./parse.ts";

const EXIT_CODES = "exit codes: 0 ok, 1 a problem found, 2 usage";

export const commandHelp = (
  name: string,
  summary: string,
  verbs: Readonly<Record<string, Action>>,
): string => {
  const rows = Object.entries(verbs).map(
    ([verb, { words = [], summary: says }]) => [[verb, ...words].join(" "), says] as const,
  );
  return [
    summary,
    "",
    `usage: novaevo ${name} <${Object.keys(verbs).join("|")}> [--help] [--json] …`,
    "",
    ...columns(rows),
    "",
    ...Object.entries(verbs).flatMap(([verb, { flags = {} }]) =>
      Object.keys(flags).length === 0 ? [] : [`${verb}: ${flagNames(flags)}`],
    ),
    "",
    EXIT_CODES,
    "",
  ].join("\n");
};

export const actionHelp = (name: string, action: Action): string => {
  const { summary, words = [], flags = {}, notes = [] } = action;
  return [
    summary,
    "",
    `usage: ${["novaevo", name, ...words, "[flags]"].join(" ")}`,
    "",
    ...columns(
      Object.entries({ ...flags, ...COMMON_FLAGS }).map(
        ([flag, { value, says }]: [string, Flags[string]]) =>
          [value === undefined ? `--${flag}` : `--${flag} ${value}`, says] as const,
      ),
    ),
    "",
    ...notes,
    ...(notes.length === 0 ? [] : [""]),
    EXIT_CODES,
    "",
  ].join("\n");
};

export const listHelp = (
  commands: Readonly<Record<string, { readonly summary: string }>>,
): string =>
  [
    "NovaEvo: launch control for a national platform",
    "",
    "usage: novaevo <command> [--help] [--json] …",
    "",
    ...columns(Object.entries(commands).map(([name, { summary }]) => [name, summary])),
    "",
    EXIT_CODES,
    "",
  ].join("\n");

const flagNames = (flags: Flags): string =>
  Object.keys(flags)
    .map((flag) => `--${flag}`)
    .join(" ");

const columns = (rows: readonly (readonly [string, string])[]): readonly string[] => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
};
