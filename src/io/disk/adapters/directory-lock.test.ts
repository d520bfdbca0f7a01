import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DirectoryBusy } from "../disk.ts";
import { lockDirectory } from "./directory-lock.ts";

const ENTRY = new URL("./directory-lock.ts", import.meta.url).href;
/** Locks, says so, and holds on. */
const HOLDER = `import(${JSON.stringify(ENTRY)}).then(async ({ lockDirectory }) => {
  await lockDirectory(process.argv[1]);
  process.stdout.write("held");
  setInterval(() => 0, 1000);
});`;

let root: string;
let count = 0;
const ends: (() => unknown)[] = [];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "novaevo-lock-"));
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folder = async (): Promise<string> => {
  const dir = join(root, String((count += 1)));
  await mkdir(dir);
  return dir;
};

const holder = async (dir: string) => {
  const child = spawn(process.execPath, ["-e", HOLDER, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  ends.push(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
};

const holderOf = (dir: string): Promise<number> =>
  lockDirectory(dir).then(
    () => 0,
    (fault: unknown) => (fault instanceof DirectoryBusy ? fault.holderPid : Number.NaN),
  );

test("a folder that is held is refused with the holder's pid, also within one process", async () => {
  const dir = await folder();
  const child = await holder(dir);
  expect(await holderOf(dir)).toBe(child.pid);
  const own = await folder();
  const release = await lockDirectory(own);
  expect(await holderOf(own)).toBe(process.pid);
  await release();
  expect(await readdir(own)).toEqual([]);
  expect(await holderOf(own)).toBe(0);
});

test("the lock of one that was killed is free at once, and so is a zombie's", async () => {
  const dir = await folder();
  const child = await holder(dir);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  expect(await holderOf(dir)).toBe(0);

  // A parent that never asks after its child: what it leaves behind is a zombie.
  const parent = spawn("sh", ["-c", "true & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  ends.push(() => parent.kill("SIGKILL"));
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  await expect.poll(() => readFile(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
  const other = await folder();
  await writeFile(join(other, `held.${pid}..00`), "");
  expect(await holderOf(other)).toBe(0);
});

test.each([
  ["of another life of the same pid", `held.${process.pid}.another-boot-1.00`, 0],
  ["of a living pid whose start is not known", `held.${process.pid}..00`, process.pid],
  ["of nobody", "held.nobody.00", 0],
])("a lock %s", async (_, name, expected) => {
  const dir = await folder();
  await writeFile(join(dir, name), "");
  expect(await holderOf(dir)).toBe(expected);
});

test("law: of many that come at once exactly one holds, also over a dead one's lock", async () => {
  for (let round = 0; round < 40; round += 1) {
    const dir = await folder();
    if (round % 2 === 0) await writeFile(join(dir, `held.${process.pid}.another-boot-1.00`), "");
    const came = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(dir)));
    const held = came.filter(({ status }) => status === "fulfilled");
    expect(held).toHaveLength(1);
  }
});
