#!/usr/bin/env node
// Runs the program on the Node 24 that `npm ci` put beside it, whatever `node` is on PATH.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MINIMUM_MAJOR = 24;
const program = new URL("../src/programs/novaevo.ts", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= MINIMUM_MAJOR) {
  await import(program.href);
} else {
  const pinned = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
  if (!existsSync(pinned)) {
    process.stderr.write(
      `novaevo needs Node ${MINIMUM_MAJOR}; this is ${process.version}. Run \`npm ci\` first: it brings one.\n`,
    );
    process.exit(2);
  }
  const child = spawn(pinned, [fileURLToPath(program), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  // Whoever stops us means the program.
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.once("exit", (code) => process.exit(code ?? 1));
}
