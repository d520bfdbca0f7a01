/** Commands against a running API and its database. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/contract/index.ts";
import type { RouteSpec } from "../../src/contract/route.ts";
import { readSettings } from "../../src/io/postgres/durability.ts";
import { noteEngines } from "../../src/programs/running.ts";
import { loadConfig } from "../../src/programs/config.ts";
import { edited, novaevoText } from "../plan/small-plan.ts";
import { openLab, value, type Lab } from "../contract/lab.ts";
import { jsonOf, run, type Env } from "./run.ts";

let lab: Lab;
let url: string;
let env: Env;
beforeAll(async () => {
  lab = await openLab();
  await lab.server.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(lab.server.server.address() as AddressInfo).port}`;
  env = { NOVAEVO_URL: url, NOVAEVO_TOKEN: lab.tokens.admin, NOVAEVO_DATA: lab.dataDir };
});
afterAll(() => lab.close());

const replyOf = (key: string) => {
  const row = (ROUTES as readonly RouteSpec[]).find((one) => `${one.method} ${one.path}` === key);
  if (row?.reply === undefined) throw new Error(`${key} is not in the contract`);
  return row.reply;
};

describe("a command over the API", () => {
  test.each([
    [["kpi", "list"], "GET kpis", /^availability {2}.*unknown/m],
    [["kpi", "show", "availability"], "GET kpi", /^verdict {4}unknown/m],
    [["gate", "list"], "GET gates", /^gate-1 \* +HOLD/m],
    [["gate", "show", "gate-1"], "GET gate", /^coverage +unknown/m],
    [["alert", "list"], "GET alerts", /^ALT-\d+ {2}critical +firing/m],
    [["action", "list"], "GET actions", /^ACT-1 +proposed +human +shed/m],
    [["alert", "list", "--state", "all", "--limit", "1"], "GET alerts", /more: --cursor ALT-/],
    [["ledger", "list", "--limit", "2"], "GET ledger", /more: --cursor \d+/],
    [["token", "list"], "GET tokens", /admin of the lab +admin/],
    [["plan", "show"], "GET plan", /version 1, applied/],
    [["plan", "versions"], "GET planVersions", /^1 .*system:hub/m],
  ])("%j prints for people, and with --json what the contract says", async (words, key, line) => {
    const people = await run(words, env);
    expect([people.code, people.err]).toEqual([0, ""]);
    expect(people.out).toMatch(line);
    const json = await run([...words, "--json"], env);
    expect(json.code).toBe(0);
    expect(replyOf(key).safeParse(jsonOf(json)).error).toBeUndefined();
  });

  test("an action is not rejected without a reason, and then with it", async () => {
    const silent = await run(["action", "reject", "ACT-1"], env);
    expect([silent.code, silent.err]).toEqual([2, expect.stringContaining("--reason is missing")]);
    const said = await run(["action", "reject", "ACT-1", "--reason", "not today"], env);
    expect(said.out).toMatch(/ACT-1 +not_executed/);
    const shown = await run(["action", "show", "ACT-1"], env);
    expect(shown.out).toMatch(/proposed[^]*not_executed[^]*Rejected: not today/);
  });

  test("shows an alert by its name", async () => {
    const { code, out } = await run(["alert", "show", lab.alertId], env);
    expect(code).toBe(0);
    expect(out).toContain(`${lab.alertId}: Availability`);
  });

  test("lists only what was asked for", async () => {
    const asked = ["kpi", "list", "--verdict", "pass", "--json"];
    expect(jsonOf(await run(asked, env))["items"]).toEqual([]);
    const technical = await run(["kpi", "list", "--category", "technical", "--json"], env);
    const { items } = jsonOf(technical) as { items: { category: string }[] };
    expect(new Set(items.map(({ category }) => category))).toEqual(new Set(["technical"]));
  });

  test("fails with what the server said", async () => {
    const { code, err } = await run(["kpi", "show", "nothing"], env);
    expect([code, err]).toEqual([1, 'novaevo kpi: no KPI "nothing" in the plan\n']);
    const viewer = { ...env, NOVAEVO_TOKEN: lab.tokens.viewer };
    const refused = await run(["token", "list", "--json"], viewer);
    expect(refused.code).toBe(1);
    expect(jsonOf(refused)).toMatchObject({ error: { code: "forbidden" } });
  });

  test("does not believe a server that is no NovaEvo", async () => {
    const other = await openLab({ authenticate: async () => undefined });
    other.server.addHook("onRequest", async (_, reply) => reply.send({ hello: "world" }));
    await other.server.listen({ host: "127.0.0.1", port: 0 });
    const at = `http://127.0.0.1:${(other.server.server.address() as AddressInfo).port}`;
    try {
      const { code, err } = await run(["kpi", "list", "--url", at], env);
      expect(code).toBe(1);
      expect(err).toContain("as no NovaEvo this program knows");
    } finally {
      await other.close();
    }
  });
});

describe("a token", () => {
  test("is made, used from a file, and revoked", async () => {
    const made = await run(["token", "create", "ci", "--role", "viewer", "--days", "3"], env);
    expect(made.out).toMatch(/^nve_[\w-]{43}\n$/);
    const file = path.join(lab.dataDir, "ci-token");
    await writeFile(file, made.out, { mode: 0o600 });
    const asFile = { NOVAEVO_URL: url };
    const use = () => run(["kpi", "list", "--token-file", file], asFile);
    expect((await use()).code).toBe(0);
    await chmod(file, 0o644);
    expect((await use()).err).toContain("can be read by others; run: chmod 600");
    await chmod(file, 0o600);
    const list = jsonOf(await run(["token", "list", "--json"], env)) as {
      items: { id: string; name: string }[];
    };
    const id = list.items.find(({ name }) => name === "ci")?.id ?? "";
    expect((await run(["token", "revoke", id], env)).out).toBe(`revoked ${id}\n`);
    expect((await use()).code).toBe(1);
    expect((await run(["token", "revoke", id], env)).code).toBe(1);
  });

  test("of the installation is found by itself; NOVAEVO_TOKEN stands over it", async () => {
    await writeFile(path.join(lab.dataDir, "admin-token"), lab.tokens.viewer, { mode: 0o600 });
    const { NOVAEVO_TOKEN: _, ...rest } = env;
    expect((await run(["token", "list"], rest)).err).toContain("is viewer");
    expect((await run(["token", "list"], env)).code).toBe(0);
  });
});

test("a fresh sign-in code opens a session once, and stands in the address's fragment", async () => {
  const { code, out } = await run(["code"], env);
  expect(code).toBe(0);
  const secret = /#code=([\w-]+)$/m.exec(out)?.[1] ?? "";
  const signIn = () =>
    lab.server.inject({ method: "POST", url: "/api/app/session/code", payload: { code: secret } });
  expect((await signIn()).statusCode).toBe(200);
  expect((await signIn()).statusCode).toBe(401);
});

describe("plan apply", () => {
  const changed = edited(novaevoText, "National launch of NovaEvo", "Launch of NovaEvo, moved");

  test("says what would change, changes it, and then nothing", async () => {
    const dir = await mkdtemp(path.join(tmpdir(), "novaevo-plan-"));
    const file = path.join(dir, "plan é.yaml");
    await writeFile(file, changed);
    const apply = (...more: readonly string[]) => run(["plan", "apply", file, ...more], env);
    try {
      const dry = await apply("--dry-run");
      expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("would change the plan")]);
      const shown = await run(["plan", "show", "--source"], env);
      expect(shown.out.trim()).toBe(novaevoText.trim());
      expect((await apply()).out).toContain("version 2 is in force");
      expect((await apply()).out).toContain("version 2 stays in force: nothing changed");
      const now = await run(["plan", "show", "--source"], env);
      expect(now.out.trim()).toBe(changed.trim());
      await writeFile(file, "kpis: []\n");
      const broken = await apply();
      expect([broken.code, broken.out]).toEqual([1, expect.stringContaining("plan é.yaml:1:1")]);
      const gone = await run(["plan", "apply", path.join(dir, "none.yaml")], env);
      expect([gone.code, gone.err]).toEqual([1, expect.stringContaining("not a readable file")]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test("is an admin's; anybody who may look may try it on his own machine", async () => {
    const viewer = { ...env, NOVAEVO_TOKEN: lab.tokens.approver };
    const { code, err } = await run(["plan", "apply", "plans/novaevo.yaml"], viewer);
    expect([code, err]).toEqual([1, expect.stringContaining("needs the role admin")]);
    expect((await run(["plan", "check", "plans/novaevo.yaml"])).code).toBe(0);
  });
});

describe("the ledger", () => {
  const offline = (): Env => ({
    NOVAEVO_DATA: lab.dataDir,
    DATABASE_URL: lab.db.connectionString,
  });

  test("is verified from its rows, without a hub", async () => {
    await lab.sequence();
    const { code, out } = await run(["ledger", "verify"], offline());
    expect([code, out]).toEqual([0, expect.stringContaining("ledger intact")]);
    const json = await run(["ledger", "verify", "--json"], offline());
    expect(jsonOf(json)).toMatchObject({ ok: true, findings: [] });
  });

  test("is found through what a running `up` leaves, and only by its owner", async () => {
    const dataDir = { NOVAEVO_DATA: lab.dataDir };
    expect((await run(["ledger", "verify"], dataDir)).err).toContain("no database is known");
    await mkdir(path.join(lab.dataDir, "run"), { recursive: true });
    await noteEngines(value(loadConfig(dataDir)), {
      databaseUrl: lab.db.connectionString,
      clickhouseUrl: "http://127.0.0.1:1",
    });
    const file = path.join(lab.dataDir, "run", "engines.json");
    expect((await run(["ledger", "verify"], dataDir)).code).toBe(0);
    await chmod(file, 0o640);
    expect((await run(["ledger", "verify"], dataDir)).err).toContain("can be read by others");
    await rm(file);
  });

  test("says so when the database is away", async () => {
    const away = { ...offline(), DATABASE_URL: "postgresql://u:secret@127.0.0.1:1/x" };
    const { code, err } = await run(["ledger", "verify"], away);
    expect([code, err]).toEqual([1, expect.stringContaining("PostgreSQL does not answer")]);
    expect(err).not.toContain("secret");
  });

  test("proves an entry by its place; the proof holds later and offline, an edited one does not", async () => {
    const { code, out } = await run(["ledger", "prove", "0"], env);
    expect([code, out]).toEqual([0, expect.stringMatching(/proven: entry 0 of \d+/)]);
    const file = path.join(lab.dataDir, "proof.json");
    const proof = (await run(["ledger", "prove", "0", "--json"], env)).out;
    await writeFile(file, proof);
    const check = () => run(["ledger", "verify", file], { NOVAEVO_DATA: lab.dataDir });
    expect((await check()).out).toContain("proven: the entry is in the ledger");
    await writeFile(file, proof.replace('"actor": "system:hub"', '"actor": "system:you"'));
    const edited = await check();
    expect([edited.code, edited.err]).toEqual([1, expect.stringContaining("is not number 0")]);
    await writeFile(file, "{");
    expect((await check()).err).toContain("is not JSON");
    expect((await run(["ledger", "prove", "999999"], env)).err).toContain("999999");
  });

  test("needs the right key", async () => {
    const other = await openLab();
    try {
      const key = path.join(other.dataDir, "ledger-key.pub");
      const foreign = await run(["ledger", "verify", "--key", key], offline());
      expect([foreign.code, foreign.out]).toEqual([1, expect.stringContaining("forged_head")]);
      const none = await run(["ledger", "verify"], { ...offline(), NOVAEVO_DATA: "/nonexistent" });
      expect(none.err).toContain("--key FILE");
      await writeFile(path.join(other.dataDir, "bad"), "no key");
      const bad = await run(
        ["ledger", "verify", "--key", path.join(other.dataDir, "bad")],
        offline(),
      );
      expect([bad.code, bad.err]).toEqual([1, expect.stringContaining("the public key")]);
    } finally {
      await other.close();
    }
  });

  test("that was edited is not intact, for the rows' reader and for the hub", async () => {
    const tampered = await openLab();
    try {
      const { db, dataDir, server, tokens } = tampered;
      await server.listen({ host: "127.0.0.1", port: 0 });
      const at = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
      const rows = { NOVAEVO_DATA: dataDir, DATABASE_URL: db.connectionString };
      const api = { NOVAEVO_DATA: dataDir, NOVAEVO_URL: at, NOVAEVO_TOKEN: tokens.operator };
      expect((await run(["ledger", "verify"], rows)).code).toBe(0);
      expect((await run(["ledger", "verify", "--api"], api)).code).toBe(0);
      await db.tx(async (tx) => {
        await tx.query("SET LOCAL session_replication_role = replica");
        await tx.query("UPDATE ledger_entry SET actor = 'system:you' WHERE seq = 0");
      });
      const found = await run(["ledger", "verify", "--json"], rows);
      expect(found.code).toBe(1);
      expect(jsonOf(found)).toMatchObject({ ok: false, findings: [{ kind: "edited" }] });
      const said = await run(["ledger", "verify", "--api"], api);
      expect([said.code, said.out]).toEqual([1, expect.stringContaining("edited")]);
    } finally {
      await tampered.close();
    }
  });
});

describe("doctor", () => {
  type Findings = {
    readonly ok: boolean;
    readonly settings: readonly { name: string; value: string; origin: string }[];
    readonly findings: readonly { area: string; name: string; state: string; value: string }[];
  };
  const examine = async (more: Env = {}, words: readonly string[] = []) => {
    const settings = { NOVAEVO_DATA: lab.dataDir, NOVAEVO_URL: url, ...more };
    const ran = await run(["doctor", "--json", ...words], settings);
    const found = jsonOf(ran) as Findings;
    const of = (area: string, name: string) =>
      found.findings.find((one) => one.area === area && one.name === name);
    return { ...ran, ...found, of };
  };

  test("finds no problem where there is none", async () => {
    const { code, ok, of } = await examine();
    expect([code, ok]).toEqual([0, true]);
    expect(of("hub", "health")).toMatchObject({ state: "ok" });
    expect(of("plan", "file")).toMatchObject({ state: "ok" });
    expect(of("version", "Node")?.value).toBe(process.versions.node);
    const people = await run(["doctor"], { NOVAEVO_DATA: lab.dataDir, NOVAEVO_URL: url });
    expect(people.out).toMatch(/^NOVAEVO_DATA +environment +\//m);
    expect(people.out).toContain("no problem found");
  });

  test("says where each setting comes from, and shows no secret", async () => {
    const dir = await mkdtemp(path.join(tmpdir(), "novaevo-config-"));
    const file = path.join(dir, "settings.json");
    await writeFile(file, JSON.stringify({ NOVAEVO_LOG: "warn", NOVAEVO_PORT: 4711 }));
    const { settings, out } = await examine(
      {
        NOVAEVO_CONFIG: file,
        NOVAEVO_PORT: "4712",
        NOVAEVO_SCRAPE: "a=http://u:hush@127.0.0.1:1/metrics?token=hush",
        DATABASE_URL: "postgresql://u:hush@127.0.0.1:1/x?password=hush&sslmode=disable",
        CLICKHOUSE_URL: "http://default:hush@127.0.0.1:1",
      },
      ["--agent-id", "paris"],
    );
    await rm(dir, { recursive: true });
    const origins = Object.fromEntries(settings.map(({ name, origin }) => [name, origin]));
    expect(origins).toMatchObject({
      NOVAEVO_LOG: "file",
      NOVAEVO_PORT: "environment",
      NOVAEVO_AGENT_ID: "flag",
      NOVAEVO_HOST: "default",
    });
    expect(out).not.toContain("hush");
    const database = settings.find(({ name }) => name === "DATABASE_URL");
    expect(database?.value).toBe("postgresql://***@127.0.0.1:1/x?password=***&sslmode=***");
  });

  test("sees an engine that is away, and one that may forget", async () => {
    const away = await examine({ DATABASE_URL: "postgresql://u:p@127.0.0.1:1/x" });
    expect([away.code, away.of("postgres", "postgres")?.state]).toEqual([1, "problem"]);
    const { of, code } = await examine({ DATABASE_URL: lab.db.connectionString });
    // The tests' own server runs without fsync, unless another one is given to them.
    const { settings } = await readSettings(lab.db);
    const forgets = settings.fsync === "off";
    expect(code).toBe(forgets ? 1 : 0);
    expect(of("postgres", "durability")?.state).toBe(forgets ? "problem" : "ok");
    expect(of("postgres", "migrations")).toMatchObject({ state: "ok" });
  });

  test("sees migrations that are missing, changed, or from a later NovaEvo", async () => {
    const other = await openLab();
    const look = async () =>
      (await examine({ DATABASE_URL: other.db.connectionString })).of("postgres", "migrations");
    try {
      await other.db.query("INSERT INTO migration (name, digest) VALUES ('9999-x.sql', 'd')");
      expect(await look()).toMatchObject({ state: "note", value: expect.stringContaining("9999") });
      await other.db.query("DELETE FROM migration WHERE name >= '0004'");
      expect((await look())?.value).toContain("the next start applies 0004");
      await other.db.query("UPDATE migration SET digest = 'd' WHERE name LIKE '0001%'");
      expect(await look()).toMatchObject({ state: "problem" });
    } finally {
      await other.close();
    }
  });

  test("sees a secret others can read, a plan that does not load, and nobody at the address", async () => {
    const token = path.join(lab.dataDir, "admin-token");
    await writeFile(token, "x");
    await chmod(token, 0o644);
    const plan = path.join(lab.dataDir, "broken.yaml");
    await writeFile(plan, "kpis: 1\n");
    const { code, of } = await examine({ NOVAEVO_URL: "http://127.0.0.1:1", NOVAEVO_PLAN: plan });
    await rm(token);
    expect(code).toBe(1);
    expect(of("data", "admin-token")?.value).toContain(`chmod 600 '${token}'`);
    expect(of("plan", "file")).toMatchObject({ state: "problem" });
    expect(of("hub", "health")?.value).toContain("does not answer");
  });

  test("changes nothing", async () => {
    const before = await readFile(path.join(lab.dataDir, "ledger-key.pub"), "utf8");
    const dir = await mkdtemp(path.join(tmpdir(), "novaevo-doctor-"));
    const { of } = await examine({ NOVAEVO_DATA: path.join(dir, "none") });
    expect(of("data", "folder")?.state).toBe("note");
    await expect(readFile(path.join(dir, "none"))).rejects.toThrow("ENOENT");
    await rm(dir, { recursive: true });
    expect(await readFile(path.join(lab.dataDir, "ledger-key.pub"), "utf8")).toBe(before);
  });
});
