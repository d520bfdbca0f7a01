/** The store program as a child process, with the official client beside it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";

const ENTRY = new URL("../../src/programs/store.ts", import.meta.url).href;
export const PASSWORD = "a test's password";

export type StoreProcess = {
  readonly child: ChildProcess;
  readonly url: string;
  readonly client: () => ClickHouseClient;
  readonly stderr: () => string;
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly stop: () => Promise<number | NodeJS.Signals>;
};

const launch = (dir: string, env: Readonly<Record<string, string>>, as: readonly string[] = []) => {
  const start = ["-e", `import(${JSON.stringify(ENTRY)}).then((m) => m.main())`];
  const [program, ...words] = [...as, process.execPath, ...start];
  const child = spawn(program!, words, {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      UV_THREADPOOL_SIZE: "8",
      NOVAEVO_STORE_DIR: dir,
      NOVAEVO_STORE_PASSWORD: PASSWORD,
      ...env,
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal ?? 1)),
  );
  return { child, exited, stderr: () => stderr };
};

/** A start that must be refused: its exit code and what it said. */
export const refusedStore = async (
  dir: string,
  env: Readonly<Record<string, string>> = {},
  as: readonly string[] = [],
) => {
  const { exited, stderr } = launch(dir, env, as);
  return { code: await exited, stderr: stderr() };
};

export const startStore = async (
  dir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<StoreProcess> => {
  const { child, exited, stderr } = launch(dir, env);
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, "line").then(([text]) => String(text)),
    exited.then((how) => Promise.reject(new Error(`the store ended with ${how}: ${stderr()}`))),
  ]);
  const { port } = JSON.parse(line) as { port: number };
  const url = `http://127.0.0.1:${port}`;
  return {
    child,
    url,
    stderr,
    exited,
    client: () =>
      createClient({
        url,
        username: "novaevo",
        password: PASSWORD,
        log: { level: ClickHouseLogLevel.OFF },
      }),
    stop: () => {
      child.stdin.end();
      return exited;
    },
  };
};
