/** Type, help and unit: what is read of them, and when they are said. */
import { describe, expect, test } from "vitest";
import { counter, gauge, sampler } from "./observation.ts";
import { familyBook, parseComment, type FamilyLine } from "./family.ts";

const MINUTE_MS = 60_000;
const type = (name: string, of: "counter" | "gauge" = "counter"): FamilyLine => ({
  name,
  says: { type: of },
});
const namesIn = (families: readonly { readonly name: string }[]) => families.map((f) => f.name);

describe("a line about a family", () => {
  test.each<[string, string, boolean, object | undefined]>([
    ["a type", "# TYPE m counter", false, { name: "m", says: { type: "counter" } }],
    ["untyped", "# TYPE m untyped", false, { name: "m", says: { type: "unknown" } }],
    ["a type of tomorrow", "# TYPE m sketch", false, { name: "m", says: { type: "unknown" } }],
    ["a help", "# HELP m a \\n b \\\\ c", false, { name: "m", says: { help: "a \n b \\ c" } }],
    ["a quote stays", '# HELP m \\"a\\"', false, { name: "m", says: { help: '\\"a\\"' } }],
    ["a quote of OpenMetrics", '# HELP m \\"a\\"', true, { name: "m", says: { help: '"a"' } }],
    ["no help", "# HELP m", false, { name: "m", says: { help: "" } }],
    ["a unit", "# UNIT m_seconds seconds", true, { name: "m_seconds", says: { unit: "seconds" } }],
    ["a unit in the text format", "# UNIT m seconds", false, undefined],
    ["a free comment", "# TYPEWRITER m counter", false, undefined],
  ])("%s", (_, line, isOpenMetrics, expected) => {
    expect(parseComment(line, isOpenMetrics)).toEqual(expected);
  });
});

describe("what is due", () => {
  test("is what is new or changed; after a minute all of the last scrape", () => {
    const book = familyBook();
    book.begin();
    book.note(type("a"));
    book.note(type("b"));
    expect(namesIn(book.due(0))).toEqual(["a", "b"]);
    book.begin();
    book.note(type("a"));
    book.note(type("c"));
    expect(namesIn(book.due(1_000))).toEqual(["c"]);
    book.note(type("a", "gauge"));
    book.note({ name: "a", says: { help: "what it is" } });
    expect(book.due(2_000)).toEqual([{ name: "a", type: "gauge", help: "what it is", unit: "" }]);
    expect(namesIn(book.due(3_000))).toEqual([]);
    // `b` was not named by the last scrape.
    expect(namesIn(book.due(MINUTE_MS))).toEqual(["a", "c"]);
    expect(namesIn(book.due(MINUTE_MS + 1))).toEqual([]);
  });

  test("of what we observe ourselves is its type and unit, once", () => {
    const book = familyBook();
    const toSamples = sampler({ host: "h" }, book);
    const look = [
      gauge("system.cpu.utilization", "1", 0.5, { cpu: "0" }),
      gauge("system.cpu.utilization", "1", 0.5, { cpu: "1" }),
      counter("system.disk.io", "By", 5),
    ];
    toSamples(look);
    expect(book.due(0)).toEqual([
      { name: "system_cpu_utilization_ratio", type: "gauge", help: "", unit: "ratio" },
      { name: "system_disk_io_bytes_total", type: "counter", help: "", unit: "bytes" },
    ]);
    toSamples(look);
    expect(book.due(1_000)).toEqual([]);
    expect(book.due(MINUTE_MS)).toHaveLength(2);
  });

  test("is bounded: families, names, and a help cut between characters", () => {
    const book = familyBook();
    book.begin();
    book.note({ name: "a", says: { help: `${"x".repeat(1_023)}😀` } });
    book.note(type("n".repeat(257)));
    for (let nth = 0; nth < 11_000; nth += 1) book.note(type(`m${nth}`));
    const due = book.due(0);
    expect(due).toHaveLength(10_000);
    expect(due[0]!.help).toBe("x".repeat(1_023));
  });
});
