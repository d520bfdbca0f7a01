/**
 * The real disk: a writer process is killed in the middle of its work, again and again.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LogFault, openSegmentLog } from "./segment-log.ts";

const ROUNDS = 5;
const MODULE = new URL("segment-log.ts", import.meta.url).href;
/** Appends in bursts and prints each index once it was acknowledged. */
const WRITER = `
  import { writeSync } from "node:fs";
  import { openSegmentLog } from "${MODULE}";
  const log = await openSegmentLog({ dir: process.argv[2], maxSegmentBytes: 40_000 });
  for (let n = 0; ; n += 1) {
    await Promise.all(Array.from({ length: 1 + (n % 5) }, async (_, k) => {
      const body = Buffer.alloc(100 + ((n * 37 + k) % 900), process.pid + ":" + n + ":" + k + ";");
      const index = await log.append(body);
      writeSync(1, index + " " + body.toString().slice(0, 20) + "\\n");
    }));
    if (n % 50 === 49) await log.trim(0);
  }
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "segment-log-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs a writer until it acknowledged `count` records, kills it, and gives back what it said. */
const writeAndKill = async (script: string, dir: string, count: number): Promise<string[]> => {
  const child = spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (data: Buffer) => {
    said += data.toString();
    if (said.split("\n").length > count) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return said.split("\n").slice(0, -1);
};

test("every record a killed writer acknowledged is there, and its lock is taken over", async () => {
  const script = join(root, "writer.ts");
  const dir = join(root, "log");
  await writeFile(script, WRITER);
  const acked: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    acked.push(...(await writeAndKill(script, dir, 40 + round * 61)));
  }
  const log = await openSegmentLog({ dir });
  const records = await log.read(1, { maxRecords: 1e6, maxBytes: 1e9 });
  const found = new Set(
    records.map(({ index, body }) => `${index} ${Buffer.from(body).toString().slice(0, 20)}`),
  );
  expect(acked.length).toBeGreaterThan(ROUNDS * 40);
  expect(acked.filter((record) => !found.has(record))).toEqual([]);
  expect(records.map(({ index }) => index)).toEqual(records.map((_, nth) => nth + 1));
  expect(log.stats().damagedRecords).toBe(0);

  const second = await openSegmentLog({ dir }).catch((fault: unknown) => fault);
  expect(second).toBeInstanceOf(LogFault);
  expect(String(second)).toContain(`process ${process.pid}`);
  await log.close();
});

test("a lock whose pid was given to another process is stale", async () => {
  const dir = join(root, "reused");
  const log = await openSegmentLog({ dir });
  await log.close();
  // Process 1 lives, but did not start when this lock says.
  await writeFile(join(dir, "lock"), JSON.stringify({ pid: 1, start: "another boot:1" }));
  const again = await openSegmentLog({ dir });
  expect(await again.append(new Uint8Array(3))).toBe(1);
  await again.close();
});
