/** Runs a command as the command line does: in this process, or as a real child. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "../../src/programs/cli/commands.ts";
import { runCommand } from "../../src/programs/cli/command.ts";

export const PROGRAM = fileURLToPath(new URL("../../src/programs/novaevo.ts", import.meta.url));
export type Env = Readonly<Record<string, string>>;
export type Ran = { readonly code: number; readonly out: string; readonly err: string };

const OURS = /^(?:NOVAEVO_|DATABASE_URL$|CLICKHOUSE_URL$)/;

/** With no setting but those given, whatever this machine has. */
export const run = async (words: readonly string[], env: Env = {}): Promise<Ran> => {
  const [name = "", ...rest] = words;
  const listed = COMMANDS[name];
  if (listed === undefined) throw new Error(`no command ${name}`);
  const before = { ...process.env };
  for (const one of Object.keys(process.env)) if (OURS.test(one)) delete process.env[one];
  Object.assign(process.env, env);
  let out = "";
  let err = "";
  try {
    const code = await runCommand(name, await listed.load(), rest, {
      out: (text) => (out += text),
      err: (text) => (err += text),
    });
    return { code, out, err };
  } finally {
    for (const one of Object.keys(env)) delete process.env[one];
    Object.assign(process.env, before);
  }
};

export const spawnCli = (
  words: readonly string[],
  env: Env = {},
  flags: readonly string[] = [],
): Promise<Ran> =>
  new Promise((resolve) => {
    const kept = Object.entries(process.env).filter(([name]) => !OURS.test(name));
    const child = execFile(
      process.execPath,
      [...flags, PROGRAM, ...words],
      { env: { ...Object.fromEntries(kept), ...env }, maxBuffer: 32 * 1024 * 1024 },
      (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
    );
    child.stdin?.end();
  });

export const jsonOf = ({ out }: Ran): Readonly<Record<string, unknown>> =>
  JSON.parse(out) as Record<string, unknown>;
