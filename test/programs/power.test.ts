/**
 * The power fails under a whole installation, at a moment from a seed, while samples come in: what
 * was acknowledged is there afterwards, once. 5 cuts; `npm run test:power` does 50.
 *
 * Needs root, loop devices and ext4; elsewhere skipped, by its name.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seeded, type Random } from "../../sim/random.ts";
import { alive, enginesOf, familyOf, kill, ready, run, startUp, type Up } from "./lab.ts";
import { openPowerDisk, whyNoDisk, type PowerDisk } from "./power-disk.ts";
import { allIn, heldIn, openSender, unkept, type Sender } from "./sender.ts";

const SEED = Number(process.env["NOVAEVO_POWER_SEED"] ?? "7");
const CUTS = Number(process.env["NOVAEVO_POWER_CUTS"] ?? "5");
/** Promised of a start after a cut, as the middle of all; judged where it is run by command. */
const READY_MS = process.env["NOVAEVO_POWER_CUTS"] === undefined ? 60_000 : 5_000;
/** Between a start and a cut: up to so many batches, and a moment between two of them. */
const MAX_BATCHES = 200;
const MAX_MOMENT_MS = 40;
/** Every fourth cut falls into the start itself. */
const STARTING_EVERY = 4;
const MAX_STARTING_MS = 2_500;
const PATIENCE = { timeout: 30_000, interval: 20 };
const ROUND_MS = 60_000;

/** Says that the hub's body log is on the disk when it is not: what must not go unnoticed. */
const NO_FSYNC = `--import data:text/javascript,${encodeURIComponent(
  `import { open, readlink } from "node:fs/promises";
  const file = await open("/dev/null");
  const { constructor: { prototype } } = file;
  const { datasync } = prototype;
  prototype.datasync = async function () {
    const name = await readlink("/proc/self/fd/" + this.fd);
    return name.includes("/data/signal/") ? undefined : datasync.call(this);
  };
  await file.close();`,
)}`;

const missing = await whyNoDisk();
const SKIPPED = missing === undefined ? "" : ` (skipped: ${missing})`;

const below = (pid: number) => familyOf({ child: { pid } as Up["child"] });

/** As a machine ends: everybody stops where he is, the disk keeps no more, they are gone. */
const powerFails = async (disk: PowerDisk): Promise<void> => {
  const cut = await disk.armed();
  const children = (await below(process.pid)).filter(({ parent }) => parent === process.pid);
  const words = await Promise.all(
    children.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  const ups = children.filter((_, nth) => isNovaEvo(words[nth]!));
  // `up` first, so that nobody starts again what is ended.
  for (const { pid } of ups) kill(pid, "SIGSTOP");
  const family = (await Promise.all(ups.map(({ pid }) => below(pid)))).flat();
  for (const { pid } of family) kill(pid, "SIGSTOP");
  await cut();
  // Again: PostgreSQL may have begun a process between the two.
  const late = (await Promise.all(ups.map(({ pid }) => below(pid)))).flat();
  const doomed = [...family, ...late];
  for (const { pid } of doomed) kill(pid);
  await expect.poll(() => alive(doomed), PATIENCE).toEqual([]);
};
const isNovaEvo = (words: string): boolean => words.includes("novaevo.mjs\0up\0");

type Installation = {
  readonly sender: Sender;
  readonly fromMs: number;
  readonly metric: string;
  readonly dataDir: string;
  readonly port: number;
};

/** Up and sending; the token is kept apart, as an agent on another machine keeps it. */
const install = async (
  disk: PowerDisk,
  keepsTokenIn: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Installation> => {
  const dataDir = path.join(disk.dir, "data");
  const up = await startUp(dataDir, env);
  await ready(up);
  const tokenFile = path.join(keepsTokenIn, "token");
  await writeFile(tokenFile, await readFile(path.join(dataDir, "agent", "token")));
  const fromMs = Date.now() - 3_600_000;
  const metric = "powertest_number";
  const { url: hubUrl, port } = up;
  const sender = openSender({ hubUrl, tokenFile, name: "powertest", metric, fromMs });
  await acknowledges(sender, 1);
  return { sender, fromMs, metric, dataDir, port };
};

const acknowledges = async (sender: Sender, more: number): Promise<void> => {
  const from = sender.sent();
  await sender.until(() => sender.acknowledged() >= from + more);
};

const randomMoment = async (sender: Sender, random: Random): Promise<void> => {
  await acknowledges(sender, 1 + random.below(MAX_BATCHES));
  await delay(random.below(MAX_MOMENT_MS));
};

/** Starts again on what the cut left, and says how long that took until /readyz is content. */
const startAgain = async ({ dataDir, port }: Installation): Promise<{ up: Up; tookMs: number }> => {
  const startedMs = performance.now();
  const up = await startUp(dataDir, { NOVAEVO_PORT: String(port) });
  await ready(up);
  return { up, tookMs: performance.now() - startedMs };
};

describe.skipIf(missing !== undefined)(`the power fails${SKIPPED}`, () => {
  let disk: PowerDisk;
  let tokens: PowerDisk["dir"];
  beforeAll(async () => {
    disk = await openPowerDisk();
    tokens = path.dirname(disk.dir);
  });
  afterAll(async () => {
    // Also after a failure: whoever still runs holds the disk.
    await powerFails(disk).catch(() => undefined);
    await disk.close();
  });

  test("control: the disk forgets what was not synced, and only that", async () => {
    const at = (name: string) => path.join(disk.dir, name);
    await writeFile(at("synced"), "kept", { flush: true });
    await writeFile(at("unsynced"), "lost");
    await disk.cut();
    await expect(writeFile(at("after"), "x")).rejects.toThrow("EIO");
    await disk.recover();
    expect(await readFile(at("synced"), "utf8")).toBe("kept");
    const found = await readFile(at("unsynced"), "utf8").catch(() => "");
    expect(found).toBe("");
  });

  test(
    `${CUTS} times: what was acknowledged is there, once; it starts again by itself`,
    async () => {
      const random = seeded(SEED);
      const installed = await install(disk, tokens);
      const { sender, fromMs, metric, dataDir } = installed;
      const tookMs: number[] = [];
      let up: Up | undefined;
      for (let cut = 1; cut <= CUTS; cut += 1) {
        await randomMoment(sender, random);
        await powerFails(disk);
        await disk.recover();
        if (cut % STARTING_EVERY === 0) {
          // And once more while it still gathers itself.
          const env = { NOVAEVO_PORT: String(installed.port) };
          const starting = startUp(dataDir, env).catch(() => undefined);
          await delay(random.below(MAX_STARTING_MS));
          await powerFails(disk);
          await starting;
          await disk.recover();
        }
        const again = await startAgain(installed);
        up = again.up;
        tookMs.push(Math.round(again.tookMs));
        await acknowledges(sender, 1);
      }
      await sender.drain();
      await sender.close();
      process.stdout.write(`ready again after a power cut, ms: ${tookMs.join(" ")}\n`);

      expect(sender.faults()).toEqual([]);
      expect(sender.agreements()).toBeGreaterThan(CUTS);
      const engines = path.join(dataDir, "run", "engines.json");
      const held = await heldIn(engines, metric);
      expect(unkept(held, sender.acknowledged(), fromMs)).toEqual([]);
      const all = await allIn(engines);
      expect(all.twice).toBe(0);
      // The local agent's are among them.
      expect(all.rows).toBeGreaterThan(held.rows);
      expect((await enginesOf(up!)).databaseUrl).toContain("postgresql://");
      const verified = await run(["ledger", "verify", "--data", dataDir, "--json"]);
      expect(verified.code, `${verified.stdout}${verified.stderr}`).toBe(0);
      const middleMs = tookMs.toSorted((a, b) => a - b)[Math.floor(CUTS / 2)]!;
      expect(middleMs).toBeLessThanOrEqual(READY_MS);
      expect(await up!.stop()).toBe(0);
    },
    ROUND_MS * (CUTS + 2),
  );
});

describe.skipIf(missing !== undefined)(`the power fails under a liar${SKIPPED}`, () => {
  test(
    "control: a hub that acknowledges what is not on the disk is found out",
    async () => {
      const disk = await openPowerDisk();
      try {
        const installed = await install(disk, path.dirname(disk.dir), { NODE_OPTIONS: NO_FSYNC });
        const { sender, metric, fromMs, dataDir } = installed;
        await acknowledges(sender, 20);
        await powerFails(disk);
        const before = sender.sent();
        expect(sender.stored()).toBeLessThan(sender.acknowledged());
        await disk.recover();
        const wrong: string[] = [];
        try {
          const { up } = await startAgain(installed);
          await sender.until(() => sender.faults().length > 0 || sender.acknowledged() > before);
          wrong.push(...sender.faults());
          const engines = path.join(dataDir, "run", "engines.json");
          wrong.push(...unkept(await heldIn(engines, metric), sender.acknowledged(), fromMs));
          await up.stop();
        } catch (fault) {
          wrong.push(String(fault));
        }
        await sender.close();
        expect(wrong[0]).toMatch(/^took back/);
      } finally {
        await powerFails(disk).catch(() => undefined);
        await disk.close();
      }
    },
    ROUND_MS * 2,
  );
});
