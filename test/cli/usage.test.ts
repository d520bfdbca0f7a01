/** Every command there is: its help, its usage errors, and its answer to nonsense. */
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/programs/cli/commands.ts";
import { jsonOf, run, spawnCli } from "./run.ts";

/** Written by hand: a command or a verb that comes or goes changes this list. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  up: ["--data", "--port", "--host", "--hosts", "--plan", "--log", "--trust-proxy", "--scrape"],
  hub: ["--data", "--port", "--host", "--plan", "--log", "--config", "--agent-id"],
  agent: ["--config", "--log"],
  store: [],
  supervisor: ["--config", "--log"],
  gateway: ["--config"],
  rehearse: ["--data", "--port", "--plan"],
  "fault inject": ["--for", "--share", "--region", "--url"],
  "fault list": ["--url"],
  "fault stop": ["--id", "--url"],
  "fault scenario": ["--url"],
  "plan check": ["--plan"],
  "plan diff": [],
  "plan rebase": ["--start", "--write"],
  "plan schema": [],
  "plan apply": ["--dry-run", "--url", "--token-file"],
  "plan show": ["--source", "--url", "--token-file"],
  "plan versions": ["--url", "--token-file"],
  "kpi list": ["--verdict", "--category", "--url", "--token-file"],
  "kpi show": ["--from", "--to", "--limit", "--url"],
  "gate list": ["--url", "--token-file", "--data", "--port"],
  "gate show": ["--url"],
  "action list": ["--state", "--service", "--limit", "--cursor", "--url"],
  "action show": ["--url"],
  "action approve": ["--reason", "--url"],
  "action reject": ["--reason", "--url"],
  "action undo": ["--reason", "--url"],
  "alert list": ["--state", "--limit", "--cursor", "--url"],
  "alert show": ["--url"],
  "ledger list": ["--limit", "--cursor", "--url"],
  "ledger prove": ["--key", "--url"],
  "ledger verify": ["--key", "--api", "--data", "--url"],
  "token create": ["--role", "--days", "--url"],
  "token list": ["--url"],
  "token revoke": ["--url"],
  code: ["--url", "--token-file", "--data"],
  doctor: ["--url", "--data", "--port", "--plan"],
};
const NAMES = Object.keys(ACTIONS);

describe("the command line", () => {
  test("has these commands and verbs, and no other", async () => {
    const found: string[] = [];
    for (const [name, { load }] of Object.entries(COMMANDS)) {
      const command = await load();
      if ("action" in command) found.push(name);
      else found.push(...Object.keys(command.verbs).map((verb) => `${name} ${verb}`));
    }
    expect(found.toSorted()).toEqual(NAMES.toSorted());
  });

  test.each(NAMES)("%s --help names its flags and what the exit codes mean", async (name) => {
    for (const help of ["--help", "-h"]) {
      const { code, out, err } = await run([...name.split(" "), help]);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toContain(`usage: novaevo ${name}`);
      for (const flag of ["--json", "--help", ...(ACTIONS[name] ?? [])]) {
        expect(out).toMatch(new RegExp(`^ {2}${flag}(?: |$)`, "m"));
      }
      expect(out).toContain("exit codes: 0 ok, 1 a problem found, 2 usage");
    }
  });

  test.each(NAMES)("%s says which flag it does not know", async (name) => {
    const { code, out, err } = await run([...name.split(" "), "--jsno"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("no flag --jsno; did you mean --json?");
  });

  test.each(NAMES)("%s says with --json, as JSON, what was wrong", async (name) => {
    const ran = await run([...name.split(" "), "--json", "--nonsense"]);
    expect([ran.code, ran.err]).toEqual([2, ""]);
    expect(jsonOf(ran)).toEqual({
      error: { code: "usage", message: "no flag --nonsense; --help lists what there is" },
    });
  });

  test.each(NAMES)("%s takes no word too many", async (name) => {
    const { code, err } = await run([...name.split(" "), "a", "b", "c"]);
    expect(code).toBe(2);
    expect(err).toMatch(/"[abc]" is one word too many/);
  });

  test.each([
    [["kpi"], "one of list, show is missing"],
    [["kpi", "--json-not"], "one of list, show is missing"],
    [["kpi", "shwo"], 'no "shwo"; did you mean "show"?'],
    [["kpi", "toString"], 'no "toString"'],
    [["kpi", "show"], "ID is missing"],
    [["kpi", "show", "a", "--limit"], "--limit needs a value"],
    [["kpi", "show", "a", "--limit", "--json"], ""],
    [["kpi", "show", "a", "--limit", "0"], "--limit: a whole number from 1 to 2000"],
    [["kpi", "show", "a", "--limit", "1e3"], "--limit: a whole number from 1 to 2000"],
    [["kpi", "list", "--verdict", "fial"], 'pass, fail, unknown; did you mean "fail"?'],
    [["alert", "list", "--json=yes"], "--json takes no value"],
    [["token", "create", "ci"], "--role is missing: one of viewer, operator"],
    [["token", "create", "ci", "--role", "root"], "--role: one of viewer, operator"],
    [["plan", "rebase"], "--start is missing"],
    [["plan", "diff", "a"], "NEW is missing"],
    [["doctor", "--port", "70000"], "NOVAEVO_PORT"],
    [["doctor", "--host", "0.0.0.0"], "is not a loopback address"],
    [["doctor", "--url", "ftp://x"], "is not http(s)://host:port"],
    [["code", "--url", "http://novaevo.example"], "in the clear; use https://"],
    [["code", "--url", "https://u:secret@novaevo.example"], "use --token-file"],
    [["hub", "--config", "/nonexistent.json"], "NOVAEVO_CONFIG"],
  ])("%j is a usage error that says what to do", async (words, says) => {
    const { code, err, out } = await run(words);
    expect(code).toBe(2);
    expect(`${err}${out}`).toContain(says);
    expect(`${err}${out}`).not.toContain("secret@");
    expect(err).not.toContain("    at ");
  });

  test("without a token says where one would be", async () => {
    const { code, err } = await run(["kpi", "list", "--data", "/nonexistent"]);
    expect(code).toBe(1);
    expect(err).toContain("no token in /nonexistent/admin-token; start NovaEvo first");
  });

  test("says who does not answer", async () => {
    const env = { NOVAEVO_URL: "http://127.0.0.1:1", NOVAEVO_TOKEN: `nve_${"x".repeat(43)}` };
    const { code, err } = await run(["kpi", "list"], env);
    expect(code).toBe(1);
    expect(err).toContain("http://127.0.0.1:1 does not answer");
    const json = await run(["kpi", "list", "--json"], env);
    expect(jsonOf(json)).toMatchObject({ error: { code: "unavailable" } });
  });
});

describe("as a program", () => {
  test("lists its commands, and fails on one it does not know", async () => {
    const help = await spawnCli(["--help"]);
    expect(help.code).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(help.out).toContain(`\n  ${name} `);
    const wrong = await spawnCli(["ledgre"]);
    expect([wrong.code, wrong.out]).toEqual([2, ""]);
    expect(wrong.err).toContain('no command "ledgre"; did you mean "ledger"?');
    expect((await spawnCli(["constructor"])).code).toBe(2);
    expect((await spawnCli(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("ends with 2 where its configuration can never work, and leaves nothing running", async () => {
    const [hub, agent] = await Promise.all([spawnCli(["hub"]), spawnCli(["agent"])]);
    expect(hub.code).toBe(2);
    expect(hub.err).toContain("DATABASE_URL and CLICKHOUSE_URL must name the engines");
    expect(agent.code).toBe(2);
    expect(agent.err).toContain("NOVAEVO_AGENT_CONFIG");
  });

  const log = new URL("./log-imports.ts", import.meta.url).href;
  const loadedBy = async (words: readonly string[]): Promise<string> =>
    (await spawnCli(words, {}, ["--import", log])).err;

  test("loads only what a command needs", async () => {
    const ENGINES = /node_modules\/(?:chdb|fastify|@clickhouse)\//;
    const agent = await loadedBy(["agent"]);
    expect(agent).toContain("watch/collect/");
    expect(agent).not.toMatch(ENGINES);
    expect(agent).not.toMatch(/launch\/plan|respond\/|node_modules\/yaml\//);
    const check = await loadedBy(["plan", "check"]);
    expect(check).toContain("launch/plan/parse.ts");
    expect(check).not.toMatch(ENGINES);
    expect(check).not.toMatch(/node_modules\/pg\/|contract\/index\.ts/);
    // The control: what is not loaded there would be seen.
    const hub = await loadedBy(["hub"]);
    expect(hub).toMatch(/node_modules\/fastify\//);
    expect(hub).toMatch(/node_modules\/pg\//);
  });
});
