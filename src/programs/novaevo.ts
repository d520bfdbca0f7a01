/**
 * The command line: `novaevo <command>`. Exit code 0 ok, 1 a problem found, 2 usage.
 */
import { COMMANDS, help } from "./cli/commands.ts";

const [name = "help", ...words] = process.argv.slice(2);
const command = COMMANDS[name];

if (name === "help" || name === "--help" || name === "-h") {
  process.stdout.write(help());
} else if (command === undefined) {
  process.stderr.write(`novaevo: no command "${name.slice(0, 60)}"\n\n${help()}`);
  process.exitCode = 2;
} else {
  process.exitCode = await command.run(words);
}
