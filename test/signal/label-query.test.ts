/** Series, label names and values: from the window, from a real store, and without it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore, type Store } from "../../src/io/clickhouse/client.ts";
import { StoreFault } from "../../src/io/clickhouse/fault.ts";
import { encodeBlock } from "../../src/io/clickhouse/native.ts";
import { SERIES_COLUMNS } from "../../src/watch/signal/store/columns.ts";
import {
  type LabelQueryDeps,
  type LabelQuestion,
  openLabelQueries,
} from "../../src/watch/signal/query/label-query.flow.ts";
import type { Matcher } from "../../src/watch/signal/matcher.ts";
import { SIGNAL_STEPS } from "../../src/watch/signal/store/signal-tables.ts";
import { newWindow } from "../../src/watch/signal/window/window.ts";
import { value } from "../contract/lab.ts";
import { PASSWORD, startStore, type StoreProcess } from "../store/process.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_000 * DAY_MS;
const SEAM_MS = NOW_MS - 3_600_000;
const EVERYTHING = { startMs: 0, endMs: NOW_MS, sets: [], limit: 0 };

const is = (name: string, op: Matcher["op"], text: string): Matcher => ({ name, op, value: text });

const windowOf = (...series: readonly (readonly (readonly [string, string])[])[]) => {
  const window = newWindow();
  window.advance(NOW_MS);
  for (const labels of series) window.append(value(window.intern(labels)), NOW_MS - 1_000, 1);
  return window;
};

type Line = readonly [day: number, id: number, labels: readonly (readonly [string, string])[]];

const ODD = "it's \\ {a: String} %5C \t";
const STORED: readonly Line[] = [
  [
    998,
    1,
    [
      ["__name__", "up"],
      ["job", "a"],
      ["text", "x\ny"],
    ],
  ],
  [
    998,
    2,
    [
      ["__name__", "up"],
      ["job", "b"],
    ],
  ],
  [
    999,
    2,
    [
      ["__name__", "up"],
      ["job", "b"],
    ],
  ],
  [
    999,
    3,
    [
      ["__name__", "down"],
      ["job", "é 💥"],
      ["odd", ODD],
    ],
  ],
  [
    1_000,
    4,
    [
      ["__name__", "late"],
      ["job", "a"],
    ],
  ],
];

const blockOf = (lines: readonly Line[]) =>
  encodeBlock(lines.length, [
    { name: "day", data: { type: "Date", days: Uint16Array.from(lines, ([day]) => day) } },
    { name: "metric", data: { type: "String", texts: lines.map(([, , [name]]) => name![1]) } },
    {
      name: "id",
      data: { type: "UInt64", halves: Uint32Array.from(lines.flatMap(([, id]) => [id, 0])) },
    },
    {
      name: "labels",
      data: { type: "Map(String, String)", maps: lines.map(([, , labels]) => labels) },
    },
  ]);

const queriesOf = (replace: Partial<LabelQueryDeps>) =>
  openLabelQueries({
    window: windowOf(),
    store: { rows: async () => [] },
    ...{ ready: () => true, seamMs: () => SEAM_MS, oldestMs: () => 0 },
    ...replace,
  });

describe("with a store that holds three days", () => {
  let root: string;
  let process: StoreProcess;
  let store: Store;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "novaevo-labels-"));
    process = await startStore(path.join(root, "store"));
    store = openStore({ url: process.url, user: "novaevo", password: PASSWORD });
    for (const { sql } of SIGNAL_STEPS) await store.command(sql);
    // The table forgets by the real calendar; it must not while the test looks.
    await store.command("ALTER TABLE series REMOVE TTL");
    await store.insert({ table: "series", columns: SERIES_COLUMNS }, blockOf(STORED));
  });
  afterAll(async () => {
    await store.close();
    await process.stop();
    await rm(root, { recursive: true, force: true });
  });

  const inStore = () => queriesOf({ store, seamMs: () => NOW_MS + DAY_MS });
  const on = (from: number, to: number, ...sets: Matcher[][]): LabelQuestion => ({
    ...{ startMs: from * DAY_MS, endMs: to * DAY_MS + 1, sets, limit: 0 },
  });
  const namesOf = async (question: LabelQuestion) => {
    const { items, warnings } = value(await inStore().series(question));
    expect(warnings).toEqual([]);
    return items.map((labels) => labels.map(([, text]) => text).join(" "));
  };

  test.each<[string, LabelQuestion, readonly string[]]>([
    ["of all days, each once", on(0, 1_000), [`down é 💥 ${ODD}`, "late a", "up a x\ny", "up b"]],
    ["of one day", on(998, 998), ["up a x\ny", "up b"]],
    ["of a day with none", on(997, 997), []],
    ["of one metric", on(0, 1_000, [is("__name__", "=", "up")]), ["up a x\ny", "up b"]],
    [
      "of one metric or another",
      on(0, 1_000, [is("__name__", "=", "late")], [is("__name__", "=~", "do.*")]),
      [`down é 💥 ${ODD}`, "late a"],
    ],
    [
      "without a label",
      on(0, 1_000, [is("__name__", "=~", ".+"), is("text", "=", "")]),
      [`down é 💥 ${ODD}`, "late a", "up b"],
    ],
    ["with any text in it", on(0, 1_000, [is("odd", "=", ODD)]), [`down é 💥 ${ODD}`]],
    ["over a line's end", on(0, 1_000, [is("text", "=~", "x.y")]), ["up a x\ny"]],
    ["anchored", on(0, 1_000, [is("__name__", "=~", "u|p")]), []],
    [
      "by what they are not",
      on(0, 1_000, [is("__name__", "!=", "up"), is("job", "!~", "é.*|x")]),
      ["late a"],
    ],
  ])("series %s", async (_, question, wanted) => {
    expect(await namesOf(question)).toEqual(wanted);
  });

  test("names and values, of everything and of what matches", async () => {
    const { names, values } = inStore();
    const up = on(0, 1_000, [is("__name__", "=", "up"), is("job", "=", "a")]);
    expect(value(await names(on(0, 1_000))).items).toEqual(["__name__", "job", "odd", "text"]);
    expect(value(await names(up)).items).toEqual(["__name__", "job", "text"]);
    expect(value(await values("job", on(0, 1_000))).items).toEqual(["a", "b", "é 💥"]);
    expect(value(await values("__name__", on(0, 1_000))).items).toEqual(["down", "late", "up"]);
    expect(value(await values("job", up)).items).toEqual(["a"]);
    expect(value(await values("nothing", on(0, 1_000))).items).toEqual([]);
  });

  test("a limit cuts in the order of the list, and says so; enough does not (control)", async () => {
    const { series, values } = inStore();
    const cut = value(await series({ ...EVERYTHING, limit: 2 }));
    expect(cut.items.map(([name]) => name?.[1])).toEqual(["down", "late"]);
    expect(cut.warnings).toEqual(["results truncated due to limit"]);
    expect(value(await values("job", { ...EVERYTHING, limit: 3 })).warnings).toEqual([]);
  });

  test("a pattern the store cannot read leaves history out, and says so", async () => {
    const sets = [[is("job", "=~", "(")]];
    const { items, warnings } = value(await inStore().names({ ...EVERYTHING, sets }));
    expect(items).toEqual([]);
    expect(warnings.join()).toContain("history is left out");
  });
});

const up = [
  ["__name__", "up"],
  ["job", "new"],
] as const;

test("the window's series and the store's are one list, each once", async () => {
  const window = windowOf(up, [
    ["__name__", "up"],
    ["job", "both"],
  ]);
  const rows = async <Row>() =>
    [
      { found: { job: "both", __name__: "up" } },
      { found: { job: "old", __name__: "up" } },
    ] as Row[];
  const sets = [[is("__name__", "=", "up")]];
  const { items } = value(
    await queriesOf({ window, store: { rows } }).series({ ...EVERYTHING, sets }),
  );
  expect(items.map((labels) => labels.map(([, text]) => text))).toEqual([
    ["up", "both"],
    ["up", "new"],
    ["up", "old"],
  ]);
});

test.each<[string, Partial<LabelQuestion>, number]>([
  ["what lies in the window needs no store", { startMs: NOW_MS - 60_000 }, 0],
  ["what begins before it does", {}, 1],
  ["what ends before it does too", { endMs: SEAM_MS - 1 }, 1],
])("%s", async (_, question, times) => {
  let asked = 0;
  const rows = async () => {
    asked += 1;
    return [];
  };
  const queries = queriesOf({ window: windowOf(up), store: { rows } });
  const { items } = value(await queries.values("job", { ...EVERYTHING, ...question }));
  expect([asked, items]).toEqual([times, question.endMs === undefined ? ["new"] : []]);
});

test("a store that is away leaves its part out and says so; another fault is thrown", async () => {
  const away = async () => {
    throw new StoreFault("connection refused", undefined);
  };
  const found = await queriesOf({ window: windowOf(up), store: { rows: away } }).names(EVERYTHING);
  expect(value(found)).toEqual({
    items: ["__name__", "job"],
    warnings: ["history is left out, the store does not answer: connection refused"],
  });
  const broken = async () => {
    throw new Error("a bug");
  };
  await expect(queriesOf({ store: { rows: broken } }).names(EVERYTHING)).rejects.toThrow("a bug");
});

test("while the window is being refilled there is no list", async () => {
  expect(await queriesOf({ ready: () => false }).names(EVERYTHING)).toMatchObject({
    ok: false,
    error: { code: "unavailable" },
  });
});
