/**
 * One supervised child: started, awaited until ready, started again when it dies, stopped on order.
 *
 * A child says `{"ready":true,…}` on a line of stdout. It watches its stdin: the end of it means
 * that the parent is gone, and the child stops by itself. Exit code 2 means that starting it again
 * would not help (its configuration is wrong), and `{"refused":"why"}` before it says why: that is
 * fatal for the whole.
 */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Log } from "../log/json-log.ts";
import { nextRestart } from "./restart.ts";

export const EXIT_MISCONFIGURED = 2;

export type ChildSpec = {
  readonly name: string;
  readonly spawn: () => Promise<ChildProcess>;
  /** Asked after each start; resolves once the child serves. Absent: it says so on stdout. */
  readonly probe?: (child: ChildProcess) => Promise<void>;
  readonly stopSignal?: NodeJS.Signals;
};

export type Said = Readonly<Record<string, unknown>>;

export type Child = {
  readonly name: string;
  readonly pid: () => number | undefined;
  readonly restarts: () => number;
  /** Resolves at the first readiness, with what the child said. */
  readonly ready: Promise<Said>;
  /** From now on it is not started again. */
  readonly retire: () => void;
  /** Sends the signal; resolves when it is gone. */
  readonly stop: (graceMs: number) => Promise<void>;
};

export const supervise = (
  spec: ChildSpec,
  deps: {
    readonly log: Log;
    readonly onPid: (name: string, pid: number | undefined) => void;
    readonly onFatal: (why: string) => void;
  },
): Child => {
  let current: ChildProcess | undefined;
  let stopping = false;
  let attempts = 0;
  let restarts = 0;
  let timer: NodeJS.Timeout | undefined;
  const gone = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<Said>();
  ready.promise.catch(() => undefined);

  const start = async (): Promise<void> => {
    const startedMs = performance.now();
    try {
      const child = await spec.spawn();
      current = child;
      deps.onPid(spec.name, child.pid);
      child.once("error", (fault) => {
        deps.log.error("child could not start", { child: spec.name, fault });
        // It was never there, so no exit follows.
        if (child.pid === undefined) {
          current = undefined;
          deps.onFatal(`${spec.name} could not be started: ${fault.message}`);
        }
      });
      const heard = listenTo(child);
      child.once("exit", (code, signal) => ended(code, signal, startedMs, heard.refused));
      if (stopping) child.kill(spec.stopSignal ?? "SIGTERM");
      const said = spec.probe === undefined ? heard.ready : spec.probe(child).then(() => ({}));
      said.then(ready.resolve, () => undefined);
    } catch (fault) {
      deps.log.error("child could not start", { child: spec.name, fault });
      deps.onFatal(fault instanceof Error ? fault.message : String(fault));
    }
  };

  const ended = (
    code: number | null,
    signal: string | null,
    startedMs: number,
    refused: Promise<string | undefined>,
  ): void => {
    current = undefined;
    deps.onPid(spec.name, undefined);
    if (stopping) return gone.resolve();
    deps.log.warn("child died", { child: spec.name, code, signal });
    if (code === EXIT_MISCONFIGURED) {
      const unsaid = "cannot run with this configuration (see its message above)";
      return void refused.then((why) => deps.onFatal(`${spec.name}: ${why ?? unsaid}`));
    }
    const next = nextRestart(attempts, performance.now() - startedMs);
    attempts = next.attempts;
    restarts += 1;
    timer = setTimeout(() => void (starting = start()), next.delayMs);
  };

  const retire = (): void => {
    stopping = true;
    clearTimeout(timer);
  };

  let starting = start();
  return {
    name: spec.name,
    pid: () => current?.pid,
    restarts: () => restarts,
    ready: ready.promise,
    retire,
    stop: async (graceMs) => {
      retire();
      await starting;
      if (current === undefined) return;
      current.kill(spec.stopSignal ?? "SIGTERM");
      const kill = setTimeout(() => current?.kill("SIGKILL"), graceMs);
      await gone.promise;
      clearTimeout(kill);
    },
  };
};

type Heard = {
  readonly ready: Promise<Said>;
  /** Resolves once it says no more. */
  readonly refused: Promise<string | undefined>;
};

/** What it says on stdout, in lines; those that are nothing to us are its own talk. */
const listenTo = ({ stdout }: ChildProcess): Heard => {
  const ready = Promise.withResolvers<Said>();
  const refused = Promise.withResolvers<string | undefined>();
  if (stdout === null) {
    refused.resolve(undefined);
    return { ready: ready.promise, refused: refused.promise };
  }
  createInterface({ input: stdout })
    .on("line", (line) => {
      const said = parse(line);
      if (said?.["ready"] === true) ready.resolve(said);
      if (typeof said?.["refused"] === "string") refused.resolve(said["refused"]);
    })
    .once("close", () => refused.resolve(undefined));
  return { ready: ready.promise, refused: refused.promise };
};

const parse = (line: string): Said | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Said) : undefined;
  } catch {
    return undefined;
  }
};
