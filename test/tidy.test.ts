/**
 * The architecture, checked: ARCHITECTURE.md says it in words, `tidy/rules.ts` as rules.
 *
 * Each rule is run on the tree and, as its control, on a planted breach it must report.
 */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as rules from "./tidy/rules.ts";
import type { Manifest, Rule } from "./tidy/rules.ts";
import { readTree, treeOf } from "./tidy/tree.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const tree = readTree(ROOT);
const manifest = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as Manifest;
const styles = globSync("ui/src/**/*.css", { cwd: ROOT })
  .map((name) => readFileSync(path.join(ROOT, name), "utf8"))
  .join("\n");

describe("it saw the files", () => {
  // Floors, not counts: a checker that looks at an empty folder finds nothing wrong in it.
  test.each([
    ["src/kernel/", 5],
    ["src/watch/", 60],
    ["src/launch/", 40],
    ["src/respond/", 40],
    ["src/ledger/", 12],
    ["src/account/", 12],
    ["src/contract/", 10],
    ["src/io/", 35],
    ["src/programs/", 15],
    ["ui/src/", 40],
    ["fleet/", 10],
    ["test/", 10],
    ["sim/", 2],
    ["bench/", 1],
  ])("%s has at least %i", (folder, floor) => {
    const seen = [...tree.keys()].filter((name) => name.startsWith(folder));
    expect(seen.length).toBeGreaterThanOrEqual(floor);
  });

  test("and what they import, use and say", () => {
    const all = [...tree.values()];
    expect(all.flatMap(({ imports }) => imports).length).toBeGreaterThan(1_000);
    expect(all.filter(({ path }) => rules.isPlain(path)).length).toBeGreaterThan(100);
    expect(tree.get("src/io/clock.ts")?.globals).toContain("Date.now");
    expect(tree.get("src/ledger/record.store.ts")?.strings.join()).toContain("INSERT INTO");
    expect(rules.reached(tree, "src/programs/agent.ts").size).toBeGreaterThan(40);
    expect(rules.reached(tree, "src/programs/hub.ts").size).toBeGreaterThan(100);
    expect(rules.reached(tree, "src/programs/store.ts")).toContain("chdb");
    expect(rules.reached(tree, "ui/src/main.tsx")).toContain("src/contract/paths.ts");
  });
});

type Planted = readonly [title: string, files: Readonly<Record<string, string>>, says: RegExp];
type Case = { readonly says: string; readonly rule: Rule; readonly planted: readonly Planted[] };

const named = (name: string): Readonly<Record<string, string>> => ({ [name]: "/** A file. */" });
const code = (name: string, text: string): Readonly<Record<string, string>> => ({ [name]: text });
const PLAIN = "src/launch/gate/gate.ts";

const CASES: readonly Case[] = [
  {
    says: "imports point one way: programs → respond | learn → launch → watch → kernel",
    rule: rules.arrows,
    planted: [
      ["watch → launch", code("src/watch/a.ts", 'import "../launch/b.ts";'), /may not import/],
      ["kernel → watch", code("src/kernel/a.ts", 'export * from "../watch/b.ts";'), /may not/],
      ["a type back", code("src/watch/a.ts", 'import type { B } from "../respond/b.ts";'), /types/],
      [
        "respond → learn",
        code("src/respond/a.flow.ts", 'await import("../learn/b.ts");'),
        /may not/,
      ],
      ["io → ledger", code("src/io/a.ts", 'import { b } from "../ledger/b.ts";'), /may not import/],
      ["core → io", code(PLAIN, 'import { b } from "../../io/b.ts";'), /plain file/],
      ["core → ledger", code(PLAIN, 'import { b } from "../../ledger/b.ts";'), /plain file/],
      ["core → contract", code(PLAIN, 'import type { B } from "../../contract/b.ts";'), /core/],
      ["contract → core", code("src/contract/a.ts", 'import "../launch/b.ts";'), /may not import/],
      [
        "contract → a shell's type",
        code("src/contract/a.ts", 'import type { B } from "../launch/b.flow.ts";'),
        /types of src\/launch\/b\.flow\.ts/,
      ],
      ["src → ui", code("src/programs/a.ts", 'import "../../ui/src/b.ts";'), /src imports ui/],
      ["src → test", code("src/programs/a.ts", 'import "./b.test.ts";'), /imports a test/],
      ["a new folder", named("src/services/a.ts"), /no folder of the architecture/],
    ],
  },
  {
    says: "a plain file has no clock, dice, network or Node module; they come in as arguments",
    rule: rules.plainFiles,
    planted: [
      ["node:", code(PLAIN, 'import { readFileSync } from "node:fs";'), /imports node:fs/],
      ["a driver", code(PLAIN, 'import pg from "pg";'), /imports pg/],
      ["its own shell", code(PLAIN, 'import type { A } from "./gate.flow.ts";'), /gate\.flow/],
      ["an adapter", code(PLAIN, 'import { a } from "./adapters/a.ts";'), /adapters/],
      ["the clock", code(PLAIN, "const at = () => Date.now();"), /uses Date\.now/],
      ["the date", code(PLAIN, "const at = new Date();"), /uses new Date\(\)/],
      ["the dice", code(PLAIN, "const x = [1].map(() => Math.random());"), /uses Math\.random/],
      ["a timer", code(PLAIN, "export const f = () => { setTimeout(f, 1); };"), /setTimeout/],
      ["a deadline", code(PLAIN, "const s = AbortSignal.timeout(1);"), /AbortSignal\.timeout/],
      ["the network", code(PLAIN, "export const f = (u) => fetch(u);"), /uses fetch/],
      ["the process", code(PLAIN, "const { env } = process;"), /uses process/],
      ["a stopwatch", code(PLAIN, "const t = performance.now();"), /uses performance/],
      [
        "the network beside an argument of that name",
        code(PLAIN, "const a = (fetch) => fetch(1); const b = () => fetch(2);"),
        /uses fetch/,
      ],
    ],
  },
  {
    says: "a name is the concept's, then .store, .flow, .routes or nothing",
    rule: rules.names,
    planted: [
      ["a fourth suffix", named("src/launch/gate/gate.service.ts"), /a name is/],
      ["capitals", named("src/launch/gate/gateFlow.ts"), /a name is/],
      ["a bag", named("src/kernel/utils.ts"), /bag/],
    ],
  },
  {
    says: "SQL is in .store files, and every .store file has some",
    rule: rules.sqlInStores,
    planted: [
      ["in a flow", code("src/launch/a.flow.ts", "const q = `SELECT ${1}`;"), /SQL outside/],
      ["in a program", code("src/programs/a.ts", 'db.query("DELETE FROM t");'), /SQL outside/],
      [
        "a store without",
        code("src/launch/a.store.ts", "export const a = 1;"),
        /store without SQL/,
      ],
    ],
  },
  {
    says: "an import names a file that is there, with its ending",
    rule: rules.realFiles,
    planted: [
      ["no ending", { ...named("src/kernel/b.ts"), ...code(PLAIN, 'import "./b";') }, /"\.\/b"/],
      ["no file", code(PLAIN, 'import "./gone.ts";'), /gone/],
    ],
  },
  {
    says: "no file needs itself, over any number of imports",
    rule: rules.noCycles,
    planted: [
      [
        "three files, one a type",
        {
          "src/kernel/a.ts": 'import "./b.ts";',
          "src/kernel/b.ts": 'import type { C } from "./c.ts";',
          "src/kernel/c.ts": 'export { a } from "./a.ts";',
        },
        /a\.ts → src\/kernel\/b\.ts → src\/kernel\/c\.ts → src\/kernel\/a\.ts/,
      ],
    ],
  },
  {
    says: "no program loads an engine that is another's; the agent none, and no UI",
    rule: rules.programReach,
    planted: [
      [
        "an engine at two steps",
        { "src/programs/agent.ts": 'import "../io/a.ts";', "src/io/a.ts": 'import "chdb";' },
        /agent\.ts: loads chdb/,
      ],
      [
        "PromQL in a worker",
        code(
          "src/programs/agent.ts",
          'new Worker(new URL("../watch/signal/promql/a.ts", import.meta.url));',
        ),
        /agent\.ts: loads src\/watch\/signal/,
      ],
      [
        "the embedded store in the hub",
        code("src/programs/hub.ts", 'import "../io/clickhouse/embedded/engine.ts";'),
        /hub\.ts: loads/,
      ],
    ],
  },
  {
    says: "the web app imports the contract's paths and types, and nothing else of src",
    rule: rules.webApp,
    planted: [
      ["a schema", code("ui/src/a.ts", 'import { Kpi } from "../../src/contract/kpi.ts";'), /kpi/],
      [
        "a type that loads its file",
        code("ui/src/a.ts", 'import { type Kpi } from "../../src/contract/kpi.ts";'),
        /may not import/,
      ],
      ["core", code("ui/src/a.ts", 'import type { G } from "../../src/launch/g.ts";'), /may not/],
      ["Node", code("ui/src/a.ts", 'import path from "node:path";'), /node:path/],
      [
        "zod behind the paths",
        {
          "ui/src/a.ts": 'import { PATHS } from "../../src/contract/paths.ts";',
          "src/contract/paths.ts": 'import * as z from "zod";',
        },
        /loads zod/,
      ],
    ],
  },
  {
    says: "a service of the rehearsal imports its own, the frame, and the house's words and tools",
    rule: rules.fleet,
    planted: [
      [
        "another service",
        code("fleet/kbis/a.ts", 'import "../obd2/b.ts";'),
        /may not import fleet/,
      ],
      ["the hub", code("fleet/kbis/a.ts", 'import "../../src/programs/hub.ts";'), /may not import/],
    ],
  },
  {
    says: "a file opens with what it is",
    rule: rules.docstrings,
    planted: [["an import first", code(PLAIN, 'import "./b.ts";\n/** Late. */'), /docstring/]],
  },
  {
    says: "a comment's line has at most 100 characters",
    rule: rules.comments,
    planted: [["101", code(PLAIN, `/** ${"x".repeat(94)} */`), /line 1 has 101/]],
  },
  {
    says: "package.json names what is imported, and no more",
    rule: rules.packages(manifest, styles),
    planted: [
      ["a package unnamed", code(PLAIN, 'import "left-pad/lib/a.js";'), /imports left-pad, which/],
      ["a tool at run time", code(PLAIN, 'import fc from "fast-check";'), /for development only/],
      ["a package unused", named(PLAIN), /package\.json: no file imports zod/],
    ],
  },
];

describe.each(CASES)("$says", ({ rule, planted }) => {
  test("so it is", () => {
    expect(rule(tree)).toEqual([]);
  });

  test.each(planted)("control: %s is reported", (_, files, says) => {
    expect(rule(treeOf(Object.entries(files))).join("\n")).toMatch(says);
  });
});

test("an exception is there only while it is needed", () => {
  const idleDoors = Object.entries(rules.EXCEPTIONS).filter(
    ([name, [door]]) => tree.get(name)?.globals.includes(door) !== true,
  );
  const idleSql = Object.keys(rules.SQL_EXCEPTIONS).filter((name) => {
    const file = tree.get(name);
    return file === undefined || !rules.hasSql(file);
  });
  expect([idleDoors, idleSql]).toEqual([[], []]);
});

test("what only looks like a breach is none", () => {
  const files = treeOf([
    [
      PLAIN,
      `/** Uses what it is given. */
       import type { Tx } from "../../io/postgres/db.ts";
       import { ok } from "../../kernel/result.ts";
       // Date.now() in words, and "import 'pg'" too.
       type Deps = { readonly fetch: typeof fetch; readonly process: { now: number } };
       export const a = (deps: Deps, { setTimeout }: { setTimeout: () => void }) => {
         const performance = deps.process.now;
         setTimeout();
         return ok([deps.fetch, new Date(performance), Date.UTC(2026), "it may SELECT", deps as Tx]);
       };`,
    ],
    ["src/kernel/result.ts", "/** Results. */\nexport const ok = (value) => value;"],
    ["src/io/postgres/db.ts", "/** Rows. */\nexport type Tx = {};"],
  ]);
  const found = CASES.slice(0, -1).flatMap(({ rule }) => rule(files));
  expect(found).toEqual([]);
});
