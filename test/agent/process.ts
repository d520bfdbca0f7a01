/** The agent program as a child process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { AgentSettings } from "../../src/programs/agent-config.ts";

const ENTRY = new URL("../../src/programs/agent.ts", import.meta.url).href;
const RUN = `import(${JSON.stringify(ENTRY)}).then(async (m) => { process.exitCode = await m.runAgent(); })`;

export type AgentProcess = {
  readonly pid: number;
  readonly stderr: () => string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Rejects when it ends before. */
  readonly ready: Promise<unknown>;
  readonly kill: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
  readonly orphan: () => Promise<number | NodeJS.Signals>;
};

export const agentProcess = (config: AgentSettings | string): AgentProcess => {
  const child = spawn(process.execPath, ["-e", RUN], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      NOVAEVO_PARENT: String(process.pid),
      NOVAEVO_AGENT_CONFIG: typeof config === "string" ? config : JSON.stringify(config),
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal ?? 1)),
  );
  const lines = createInterface({ input: child.stdout });
  const ready = Promise.race([
    once(lines, "line").then(([text]) => JSON.parse(String(text)) as unknown),
    exited.then((how) => Promise.reject(new Error(`the agent ended with ${how}: ${stderr}`))),
  ]);
  ready.catch(() => undefined);
  return {
    pid: child.pid!,
    stderr: () => stderr,
    exited,
    ready,
    kill: (signal) => {
      child.kill(signal);
      return exited;
    },
    orphan: () => {
      child.stdin.end();
      return exited;
    },
  };
};
