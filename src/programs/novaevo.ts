/**
 * The command line: `novaevo <command>`. Exit code 0 ok, 1 a problem found, 2 usage.
 */
import { COMMANDS } from "./cli/commands.ts";
import { runCommand, USAGE } from "./cli/command.ts";
import { listHelp } from "./cli/help.ts";
import { suggest } from "./cli/suggest.ts";

const [name = "help", ...words] = process.argv.slice(2);
const listed = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;

if (name === "help" || name === "--help" || name === "-h") {
  process.stdout.write(listHelp(COMMANDS));
} else if (name === "--version") {
  process.stdout.write(`${(await import("./version.ts")).novaevoVersion()}\n`);
} else if (listed === undefined) {
  const meant = suggest(name, Object.keys(COMMANDS));
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  process.stderr.write(`novaevo: no command "${name.slice(0, 60)}"${hint}\n\n`);
  process.stderr.write(listHelp(COMMANDS));
  process.exitCode = USAGE;
} else {
  const code = await runCommand(name, await listed.load(), words);
  if (listed.exits === true) process.exit(code);
  process.exitCode = code;
}
