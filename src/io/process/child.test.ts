import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { Log } from "../log/json-log.ts";
import { supervise, type Child, type ChildSpec } from "./child.ts";

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => quiet,
};
const GRACE_MS = 10_000;
const READY = `process.stdout.write('{"ready":true,"n":1}\\n');`;
/** Says it is ready and stays until it is told to go. */
const STAYS = `${READY} setInterval(() => 0, 1000);`;
/** As those that hang: deaf to what asks. */
const DEAF = `process.on("SIGTERM", () => 0); ${STAYS}`;

const open: Child[] = [];
afterEach(async () => {
  for (const child of open.splice(0)) await child.stop(0);
});

const supervised = (script: string, spec: Partial<ChildSpec> = {}) => {
  const lives: ChildProcess[] = [];
  const noted: (number | undefined)[] = [];
  const fatal = Promise.withResolvers<string>();
  const child = supervise(
    {
      name: "it",
      spawn: async () => {
        const life = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "ignore"] });
        lives.push(life);
        return life;
      },
      ...spec,
    },
    { log: quiet, onPid: (_, pid) => noted.push(pid), onFatal: fatal.resolve },
  );
  open.push(child);
  return { child, lives, noted, fatal: fatal.promise };
};

test("a child that dies is started again, and each life's pid is noted in order", async () => {
  const { child, lives, noted } = supervised(STAYS);
  expect(await child.ready).toEqual({ ready: true, n: 1 });
  lives[0]?.kill("SIGKILL");
  await expect.poll(() => lives.length).toBe(2);
  expect(child.restarts()).toBe(1);
  expect(noted).toEqual([lives[0]?.pid, undefined, lives[1]?.pid]);
  await child.stop(GRACE_MS);
  expect(child.pid()).toBeUndefined();
});

test("a child that does not hear is killed when its grace is over", async () => {
  const { child, lives } = supervised(DEAF);
  await child.ready;
  await child.stop(50);
  expect(lives.map(({ signalCode }) => signalCode)).toEqual(["SIGKILL"]);
});

test("one that is retired and ends is not started again; one that is not, is", async () => {
  const ends = async (isRetired: boolean): Promise<number> => {
    const { child, lives } = supervised(STAYS);
    await child.ready;
    if (isRetired) child.retire();
    const gone = once(lives[0]!, "exit");
    lives[0]?.kill("SIGKILL");
    await gone;
    await child.stop(GRACE_MS);
    return child.restarts();
  };
  expect(await ends(true)).toBe(0);
  expect(await ends(false)).toBe(1);
});

test("a stop between two lives is a stop", async () => {
  const { child, lives } = supervised("process.exit(1)");
  await expect.poll(() => child.restarts()).toBeGreaterThan(1);
  await child.stop(GRACE_MS);
  expect(child.pid()).toBeUndefined();
  expect(lives.filter(({ exitCode, signalCode }) => exitCode === signalCode)).toEqual([]);
});

test.each([
  [`process.stdout.write('{"refused":"port 1 is taken"}\\n'); process.exit(2);`, "port 1 is taken"],
  ["process.exit(2);", "see its message above"],
])("exit code 2 ends it all, with the child's reason: %s", async (script, why) => {
  const { child, fatal } = supervised(script);
  expect(await fatal).toMatch(new RegExp(`^it: .*${why}`));
  expect(child.restarts()).toBe(0);
});

test("a program that is not there is fatal, not awaited for ever", async () => {
  const { fatal } = supervised("", {
    spawn: async () => spawn("/nowhere/program", { stdio: ["pipe", "pipe", "ignore"] }),
  });
  expect(await fatal).toMatch(/it could not be started: .*ENOENT/);
});
