/** Every command there is, by name; each file holds one family. */
import type { Command } from "./command.ts";
import { plan } from "./plan.ts";
import { programs } from "./programs.ts";

export const COMMANDS: Readonly<Record<string, Command>> = { ...programs, plan };

export const help = (): string => {
  const shown = Object.entries(COMMANDS).filter(([, { internal }]) => internal !== true);
  const width = Math.max(...shown.map(([name]) => name.length));
  const lines = shown.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "NovaEvo: launch control for a national platform",
    "",
    "usage: novaevo <command> [--help] [--json] [--data DIR]",
    "",
    ...lines,
    "",
    "exit codes: 0 ok, 1 a problem found, 2 usage",
    "",
  ].join("\n");
};
