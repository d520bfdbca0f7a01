/**
 * The supervisor as a process of its own, with the fake service, and a client of its control door.
 *
 * Shape:  everything is awaited by the door's long polls. What a test starts is remembered, and
 *         `endAll` ends what a failed one left.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { faultCode } from "../../src/io/disk/disk.ts";
import type {
  ControlEvent,
  ControlEvents,
  Instance,
  SupervisorOrder,
  SupervisorState,
} from "../../src/respond/control/messages.ts";
import type { SupervisorSettings } from "../../src/programs/supervisor-config.ts";

const PROGRAM = fileURLToPath(new URL("../../src/programs/novaevo.ts", import.meta.url));
export const FAKE = fileURLToPath(new URL("./fake-service.ts", import.meta.url));
export const TOKEN = "a-token-of-the-test-0123456789";
export const MIB = 1024 * 1024;
const WAIT_MS = 5_000;
/** Far beyond what anything here takes: a test that waits so long has failed. */
const GIVE_UP_MS = 45_000;

type ServiceGiven = Partial<SupervisorSettings["services"][number]>;

export const service = (given: ServiceGiven = {}): SupervisorSettings["services"][number] => ({
  id: "fake",
  entry: FAKE,
  version: "1.0.0",
  cpuCores: 1,
  maxCpuCores: 2,
  memoryBytes: 256 * MIB,
  maxMemoryBytes: 512 * MIB,
  regions: { paris: { replicas: 1, min: 0, max: 3 } },
  ...given,
});

export type Answered = { readonly status: number; readonly body: any };

export type Running = {
  readonly child: ChildProcess;
  readonly dir: string;
  readonly url: string;
  readonly stderr: () => string;
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly ask: (method: string, where: string, body?: unknown) => Promise<Answered>;
  readonly order: (order: SupervisorOrder, more?: object) => Promise<Answered>;
  readonly state: () => Promise<SupervisorState>;
  /** Follows the state until `isIt` finds something. */
  readonly until: <T>(isIt: (state: SupervisorState) => T | undefined | false) => Promise<T>;
  /** Follows the events from `after` until `isIt` holds for one. */
  readonly event: (isIt: (event: ControlEvent) => boolean, after?: number) => Promise<ControlEvent>;
  readonly lastSeq: () => Promise<number>;
  readonly stop: () => Promise<number | NodeJS.Signals>;
};

const dirs: string[] = [];
const started: Running[] = [];

export const temporary = async (): Promise<string> => {
  const dir = await mkdtemp(path.join(tmpdir(), "novaevo-supervisor-"));
  dirs.push(dir);
  return dir;
};

export const endAll = async (): Promise<void> => {
  for (const one of started.splice(0)) {
    one.child.kill("SIGKILL");
    await one.exited;
  }
  for (const dir of dirs.splice(0)) {
    await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
};

/** Runs the program; resolves with what it says when it ends. */
export const launch = async (
  dir: string,
  settings: Partial<SupervisorSettings>,
): Promise<{ child: ChildProcess; stderr: () => string; exited: Running["exited"] }> => {
  const config = path.join(dir, "supervisor.json");
  const tokenFile = path.join(dir, "token");
  await writeFile(tokenFile, TOKEN, { mode: 0o600 });
  const whole: SupervisorSettings = {
    dataDir: path.join(dir, "data"),
    tokenFile,
    services: [service()],
    ...settings,
  };
  await writeFile(config, JSON.stringify(whole));
  const child = spawn(process.execPath, [PROGRAM, "supervisor"], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      NOVAEVO_PARENT: String(process.pid),
      NOVAEVO_SUPERVISOR_CONFIG: config,
      SECRET_OF_THE_PARENT: "not for the services",
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal ?? 1)),
  );
  return { child, stderr: () => stderr, exited };
};

export const supervisor = async (
  settings: Partial<SupervisorSettings> = {},
  given?: string,
): Promise<Running> => {
  const dir = given ?? (await temporary());
  const { child, stderr, exited } = await launch(dir, settings);
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await Promise.race([
    once(lines, "line"),
    exited.then((how) =>
      Promise.reject(new Error(`the supervisor ended with ${how}: ${stderr()}`)),
    ),
  ])) as [string];
  const { controlPort } = JSON.parse(line) as { readonly controlPort: number };
  const url = `http://127.0.0.1:${controlPort}`;
  const ask = asking(url);
  let orders = 0;
  const running: Running = {
    ...{ child, dir, url, stderr, exited, ask },
    order: (order, more) => {
      orders += 1;
      const id = `test:${process.pid}:${orders}:${performance.now()}`;
      return ask("POST", "/control/orders", { id, epoch: 1, order, ...more });
    },
    state: async () => (await ask("GET", "/control/state")).body,
    until: (isIt) => followState(ask, isIt),
    event: (isIt, after = 0) => followEvents(ask, isIt, after),
    lastSeq: async () => {
      const { items } = (await ask("GET", "/control/events?after=0")).body as ControlEvents;
      return items.at(-1)?.seq ?? 0;
    },
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
  started.push(running);
  return running;
};

const asking =
  (url: string): Running["ask"] =>
  async (method, where, body) => {
    const answer = await fetch(`${url}${where}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text };
  };

const followState = async <T>(
  ask: Running["ask"],
  isIt: (state: SupervisorState) => T | undefined | false,
): Promise<T> => {
  const giveUpMs = performance.now() + GIVE_UP_MS;
  let { body: state } = (await ask("GET", "/control/state")) as { body: SupervisorState };
  for (;;) {
    const found = isIt(state);
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUpMs) throw new Error(`not yet: ${JSON.stringify(state)}`);
    const where = `/control/state?after=${state.revision}&waitMs=${WAIT_MS}`;
    state = (await ask("GET", where)).body as SupervisorState;
  }
};

const followEvents = async (
  ask: Running["ask"],
  isIt: (event: ControlEvent) => boolean,
  after: number,
): Promise<ControlEvent> => {
  const giveUpMs = performance.now() + GIVE_UP_MS;
  const seen: ControlEvent[] = [];
  let seq = after;
  for (;;) {
    const where = `/control/events?after=${seq}&waitMs=${WAIT_MS}`;
    const { items } = (await ask("GET", where)).body as ControlEvents;
    const found = items.find(isIt);
    if (found !== undefined) return found;
    seen.push(...items);
    if (performance.now() > giveUpMs) throw new Error(`no such event: ${JSON.stringify(seen)}`);
    seq = items.at(-1)?.seq ?? seq;
  }
};

export const ready = (state: SupervisorState, id: string): Instance | undefined =>
  state.instances.find((one) => one.id === id && one.state === "ready");

/** Every instance that is wanted is ready. */
export const allReady = (state: SupervisorState): SupervisorState | false => {
  const wanted = state.pools.reduce((sum, { replicas }) => sum + replicas, 0);
  const count = state.instances.filter((one) => one.state === "ready").length;
  return count === wanted && state.instances.length === wanted && state;
};

export const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // Ended, and nobody has looked yet.
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (fault) {
    // Without /proc the signal has said it all.
    if (faultCode(fault) === "ENOENT" && process.platform !== "linux") return false;
    return true;
  }
};
