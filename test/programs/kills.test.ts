/**
 * `kill -9` on every part of a running installation, in an order from a seed, while samples and
 * decisions come in: what was acknowledged is there at the end, once. 20 kills; 300 with
 * `npm run test:kills`.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seeded, type Random } from "../../sim/random.ts";
import { openDb } from "../../src/io/postgres/db.ts";
import { isAlive } from "../../src/io/process/pid.ts";
import { enginesOf, get, removed, run, startUp, temporary, type Up } from "./lab.ts";
import { allIn, heldIn, openSender, unkept, type Sender } from "./sender.ts";

const SEED = 20;
const CHILDREN = ["postgres", "store", "hub", "agent"] as const;
type Child = (typeof CHILDREN)[number];
const VICTIMS = [...CHILDREN, "up"] as const;
type Victim = (typeof VICTIMS)[number];
/** Of a child's command line: a pid may have gone to a stranger. */
const markOf = (name: Child): string => (name === "postgres" ? name : `novaevo.ts\0${name}`);
const KILLS = Number(process.env["NOVAEVO_KILLS"] ?? "20");
const KILLS_EACH = Math.ceil(KILLS / VICTIMS.length);
/** Promised from a kill to the next sample, in the middle; judged where it is run by command. */
const AGAIN_MS = process.env["NOVAEVO_KILLS"] === undefined ? 30_000 : 5_000;
/** Between two kills: up to so many batches, drawn from the seed. */
const MAX_BETWEEN = 30;
const PATIENCE = { timeout: 30_000, interval: 20 };
/** The more kills, the fewer decisions between two of them: they are all listed at the end. */
const TOKEN_PAUSE_MS = 5 * KILLS;
const LONG_MS = 9_000 * KILLS;

let root: string;
let up: Up | undefined;
beforeAll(async () => {
  root = await temporary("novaevo-kills-");
});
afterAll(async () => {
  // After a failure: an `up` that still runs, or the PostgreSQL of one that was killed.
  const postgres = (await up?.pid("postgres")) ?? 0;
  if (up !== undefined && up.child.exitCode === null && up.child.signalCode === null) {
    await up.stop();
  }
  if (postgres > 1 && (await isAlive(postgres, markOf("postgres"))))
    process.kill(postgres, "SIGINT");
  await removed(root);
});

const shuffled = (random: Random): readonly Victim[] => {
  const left = VICTIMS.flatMap((name) => Array.from({ length: KILLS_EACH }, () => name));
  return Array.from({ length: left.length }, () => left.splice(random.below(left.length), 1)[0]!);
};

/** The pid of a child that lives; a child that was just killed is awaited. */
const living = async (name: Child): Promise<number> => {
  let pid = 0;
  const look = async (): Promise<boolean> => {
    pid = (await up?.pid(name)) ?? 0;
    return pid > 1 && (await isAlive(pid, markOf(name)));
  };
  await expect.poll(look, { ...PATIENCE, message: `${name} comes back` }).toBe(true);
  return pid;
};

const kill = async (victim: Victim): Promise<void> => {
  if (victim !== "up") return void process.kill(await living(victim), "SIGKILL");
  const { child, exited, dataDir, port } = up!;
  child.kill("SIGKILL");
  await exited;
  // At once, as a service manager does: what the dead one left behind is still stopping.
  up = await startUp(dataDir, { NOVAEVO_PORT: String(port) });
};

/** One that was put on the wire after this moment is acknowledged. */
const nextAcknowledged = async (sender: Sender, more = 1): Promise<void> => {
  const from = sender.sent();
  await sender.until(() => sender.acknowledged() >= from + more);
};

const patience = (): AbortSignal => AbortSignal.timeout(10_000);

/** Decisions for the ledger, one after the other: what was acknowledged is remembered. */
const decide = (at: { readonly url: string; readonly token: string }) => {
  const created = new Set<string>();
  const revoked = new Set<string>();
  /** Whose end was asked for, answered or not. */
  const asked = new Set<string>();
  let isOver = false;
  const headers = { authorization: `Bearer ${at.token}`, "content-type": "application/json" };
  const create = async (name: string): Promise<void> => {
    const body = JSON.stringify({ name, role: "viewer" });
    const door = `${at.url}/api/app/tokens`;
    const answer = await fetch(door, { method: "POST", headers, body, signal: patience() });
    if (answer.ok) created.add(((await answer.json()) as { id: string }).id);
  };
  const revoke = async (id: string): Promise<void> => {
    asked.add(id);
    const { authorization } = headers;
    const door = `${at.url}/api/app/tokens/${id}`;
    const answer = await fetch(door, {
      ...{ method: "DELETE", headers: { authorization }, signal: patience() },
    });
    if (answer.ok) revoked.add(id);
  };
  const work = async (): Promise<void> => {
    for (let turn = 1; !isOver; turn += 1) {
      const oldest = [...created].find((id) => !asked.has(id));
      const isMany = oldest !== undefined && created.size > 3 * (asked.size + 1);
      const doing = isMany ? revoke(oldest) : create(`k-${turn}`);
      // No answer is no promise: either outcome is right, and neither is remembered.
      await doing.catch(() => undefined);
      await delay(TOKEN_PAUSE_MS);
    }
  };
  const working = work();
  return {
    acknowledged: () => created.size + revoked.size,
    created: () => [...created],
    kept: () => [...created].filter((id) => !asked.has(id)),
    revoked: () => [...revoked],
    over: async (): Promise<void> => {
      isOver = true;
      await working;
    },
  };
};

/** Not only the state: the entry that came with it, once. */
const ledgerHasOnce = async (ids: readonly string[], kind: string): Promise<void> => {
  const { databaseUrl } = await enginesOf(up!);
  const db = openDb({ connectionString: databaseUrl, max: 1 });
  const rows = await db.query<{ id: string; n: number }>(
    `SELECT split_part(subject, ':', 2) AS id, count(*)::int AS n
     FROM ledger_entry WHERE kind = $1 GROUP BY id`,
    [kind],
  );
  await db.close();
  const counts = new Map(rows.map(({ id, n }) => [id, n]));
  expect(ids.filter((id) => counts.get(id) !== 1)).toEqual([]);
};

const engines = (dataDir: string): string => path.join(dataDir, "run", "engines.json");

test(
  "what was acknowledged is there once, whatever was killed",
  async () => {
    const random = seeded(SEED);
    const dataDir = path.join(root, "data");
    up = await startUp(dataDir);
    const fromMs = Date.now() - 3_600_000;
    const metric = "killtest_number";
    const tokenFile = path.join(dataDir, "agent", "token");
    const sender = openSender({ hubUrl: up.url, tokenFile, name: "killtest", metric, fromMs });
    const decisions = decide({ url: up.url, token: await up.token() });
    await nextAcknowledged(sender);
    const again = new Map<Victim, readonly number[]>();
    for (const victim of shuffled(random)) {
      await nextAcknowledged(sender, 1 + random.below(MAX_BETWEEN));
      const decided = decisions.acknowledged();
      await expect.poll(decisions.acknowledged, PATIENCE).toBeGreaterThan(decided);
      const killedMs = performance.now();
      await kill(victim);
      await nextAcknowledged(sender);
      const tookMs = Math.round(performance.now() - killedMs);
      again.set(victim, [...(again.get(victim) ?? []), tookMs]);
    }
    await decisions.over();
    await sender.drain();
    await sender.close();

    for (const [victim, tookMs] of again) {
      const middleMs = tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length / 2)]!;
      process.stdout.write(`samples taken again after kill -9 of ${victim}: ${middleMs} ms\n`);
      expect(middleMs).toBeLessThanOrEqual(AGAIN_MS);
    }
    expect(sender.faults()).toEqual([]);
    // At the least, each death of the hub and of `up` was noticed by the sender.
    expect(sender.agreements()).toBeGreaterThan(2 * KILLS_EACH);
    const held = await heldIn(engines(dataDir), metric);
    expect(unkept(held, sender.acknowledged(), fromMs)).toEqual([]);

    const all = await allIn(engines(dataDir));
    expect(all.twice).toBe(0);
    // The local agent's are among them: it was killed as often as the others.
    expect(all.rows).toBeGreaterThan(held.rows);

    const listed = await get<{ items: readonly { id: string }[] }>(up, "/api/app/tokens");
    const ids = new Set(listed.items.map(({ id }) => id));
    expect(decisions.kept().length).toBeGreaterThan(2 * KILLS_EACH);
    expect(decisions.revoked().length).toBeGreaterThan(0);
    expect(decisions.kept().filter((id) => !ids.has(id))).toEqual([]);
    expect(decisions.revoked().filter((id) => ids.has(id))).toEqual([]);
    await ledgerHasOnce(decisions.created(), "token.created");
    await ledgerHasOnce(decisions.revoked(), "token.revoked");
    const verified = await run(["ledger", "verify", "--data", dataDir, "--json"]);
    expect(verified.code, `${verified.stdout}${verified.stderr}`).toBe(0);
  },
  LONG_MS,
);

test(
  "control: a sender that sends again under a new number is seen to be there twice",
  async () => {
    const { url, dataDir } = up!;
    const fromMs = Date.now() - 3_600_000;
    const metric = "killtest_renumbered";
    const sender = openSender({
      ...{ hubUrl: url, tokenFile: path.join(dataDir, "agent", "token"), name: "renumbers" },
      ...{ metric, fromMs, renumbers: true },
    });
    await nextAcknowledged(sender);
    await kill("hub");
    await nextAcknowledged(sender);
    await sender.drain();
    await sender.close();
    // To the hub all is well: only what is in the store tells.
    expect(sender.faults()).toEqual([]);
    const held = await heldIn(engines(dataDir), metric);
    expect(held.rows).toBeGreaterThan(held.unique);
    expect(unkept(held, sender.acknowledged(), fromMs)[0]).toMatch(/^twice: [1-9]/);
  },
  LONG_MS,
);

test("after all that, it stops as asked and leaves nothing running", async () => {
  const { dataDir } = up!;
  const pids = await Promise.all(CHILDREN.map(living));
  expect(await up!.stop()).toBe(0);
  const left = await Promise.all(pids.map((pid, at) => isAlive(pid, markOf(CHILDREN[at]!))));
  expect(left).toEqual([false, false, false, false]);
  await expect(readFile(engines(dataDir))).rejects.toThrow("ENOENT");
});
