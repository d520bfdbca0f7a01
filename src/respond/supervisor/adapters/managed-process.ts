/**
 * Starts the process of an instance.
 *
 * Shape:  its environment is what it is told and little more: secrets of the supervisor's own are
 *         not inherited. It says `{"ready":true,"port":n}` on stdout; its stdin stays open as long
 *         as the supervisor lives. Its stderr is passed on, the last line is kept.
 * Errors: none thrown; what cannot be started ends at once with its reason.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { MEBIBYTE } from "../desired.ts";

export type Started = {
  /** Undefined: it never was there. */
  readonly pid: number | undefined;
  readonly listening: Promise<string>;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  /** Only as long as it has not ended: a pid may be somebody else's afterwards. */
  readonly signal: (name: NodeJS.Signals) => void;
};

/** What Node takes besides the heap that is bounded. */
const BESIDES_HEAP_MIB = 64;
const MIN_HEAP_MIB = 32;
const MAX_LINE = 4_096;
const MAX_WORDS = 300;
const INHERITED = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"] as const;

export const startProcess = (
  spec: {
    readonly entry: string;
    readonly memoryBytes: number;
    readonly env: Readonly<{ [name: string]: string }>;
  },
  say: (line: string) => void,
): Started => {
  const child = spawn(process.execPath, [heapFlag(spec.memoryBytes), spec.entry], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...inherited(), ...spec.env },
  });
  // It may be gone before its stdin is: that is told by its end.
  child.stdin.on("error", () => undefined);
  let lastWords = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.trim() !== "") lastWords = line.trim().slice(0, MAX_WORDS);
    say(line.slice(0, MAX_LINE));
  });
  const listening = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const port = portOf(line);
    if (port !== undefined) listening.resolve(`http://127.0.0.1:${port}`);
  });
  return {
    pid: child.pid,
    listening: listening.promise,
    ended: endOf(child, () => lastWords),
    signal: (name) => void child.kill(name),
  };
};

/** The machine would not have it: no folder, no memory, too many files. */
export const notStarted = (fault: unknown): Started => ({
  pid: undefined,
  listening: new Promise(() => undefined),
  ended: Promise.resolve(
    `could not be started: ${fault instanceof Error ? fault.message : String(fault)}`,
  ),
  signal: () => undefined,
});

const heapFlag = (memoryBytes: number): string => {
  const heap = Math.floor(memoryBytes / MEBIBYTE) - BESIDES_HEAP_MIB;
  return `--max-old-space-size=${Math.max(MIN_HEAP_MIB, heap)}`;
};

const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

const endOf = (child: ChildProcess, lastWords: () => string): Promise<string> =>
  new Promise((resolve) => {
    child.once("error", (fault) => {
      if (child.pid === undefined) resolve(`could not be started: ${fault.message}`);
    });
    child.once("exit", (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
      const words = lastWords();
      resolve(signal !== null || code === 0 || words === "" ? how : `${how}: ${words}`);
    });
  });

const portOf = (line: string): number | undefined => {
  if (line.length > MAX_LINE || !line.startsWith("{")) return undefined;
  try {
    const said: unknown = JSON.parse(line);
    if (typeof said !== "object" || said === null || !("ready" in said)) return undefined;
    const isPort = "port" in said && Number.isInteger(said.port);
    return said.ready === true && isPort ? Number(said.port) : undefined;
  } catch {
    return undefined;
  }
};
