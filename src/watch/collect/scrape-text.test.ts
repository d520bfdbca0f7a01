import { describe, expect, test } from "vitest";
import { LABEL_LIMITS } from "../intake/decode/catalog.ts";
import { scrapeReader, targetLabels, type ScrapeTarget } from "./scrape-text.ts";

const TARGET: ScrapeTarget = {
  labels: { job: "j", instance: "h:1" },
  externalLabels: { host: "me" },
  honorLabels: false,
  honorTimestamps: true,
  maxSamples: 100,
};
const labelsOf = (target: Partial<ScrapeTarget>, labels: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    targetLabels({ ...TARGET, ...target }, { name: "m", labels: Object.entries(labels) }),
  );
const reasonFor = (text: string, target: Partial<ScrapeTarget> = {}): string => {
  const outcome = scrapeReader({ ...TARGET, ...target }).read(text, "text");
  return outcome.ok ? "" : outcome.error;
};

describe("labels of a target", () => {
  const OWN = { __name__: "m", job: "j", instance: "h:1", host: "me" };
  test.each([
    ["are added", {}, {}, OWN],
    ["win, and the scraped one is renamed", {}, { job: "x" }, { ...OWN, exported_job: "x" }],
    [
      "win also where the new name is taken",
      {},
      { job: "x", exported_job: "y" },
      { ...OWN, exported_job: "y", exported_exported_job: "x" },
    ],
    ["give way when told to", { honorLabels: true }, { job: "x" }, { ...OWN, job: "x" }],
    ["an empty scraped label is none", {}, { job: "" }, OWN],
    ["external ones only fill up", {}, { host: "it" }, { ...OWN, host: "it" }],
  ])("%s", (_, target, labels, expected) => {
    expect(labelsOf(target, labels)).toEqual(expected);
  });
});

describe("a scrape", () => {
  test("counts the series that the last whole text did not have", () => {
    const { read } = scrapeReader(TARGET);
    const addedBy = (text: string) => {
      const outcome = read(text, "text");
      return outcome.ok ? outcome.value.added : outcome.error;
    };
    expect(addedBy("a 1\nb 1\n")).toBe(2);
    expect(addedBy("a 2\nb 2\n")).toBe(0);
    expect(addedBy("a 2\nc 2\n")).toBe(1);
    expect(addedBy("a 2\nwrong\n")).toContain("line 2");
    expect(addedBy("a 3\nb 3\nc 3\n")).toBe(1);
  });

  test.each([
    [true, 1_000],
    [false, undefined],
  ])("honours the target's own times: %s", (honorTimestamps, timeMs) => {
    const { read } = scrapeReader({ ...TARGET, honorTimestamps });
    const outcome = read("m 1 1000\n", "text");
    expect(outcome.ok && outcome.value.samples[0]?.timeMs).toBe(timeMs);
  });

  test("gives the same series object for the same series, however it is written", () => {
    const { read } = scrapeReader(TARGET);
    const seriesIn = (text: string) => {
      const outcome = read(text, "text");
      if (!outcome.ok) throw new Error(outcome.error);
      return outcome.value.samples.map(({ series }) => series);
    };
    const [first] = seriesIn('m{a="1",b="2"} 1');
    expect(seriesIn('m{a="1",b="2"} 2')).toEqual([first]);
    expect(seriesIn('m{b="2",a="1"} 3')[0]).toBe(first);
  });

  test("counts the same series twice in one text, and keeps the first", () => {
    const outcome = scrapeReader(TARGET).read("m 1\nm 2\nm{} 3\n", "text");
    expect(outcome).toMatchObject({ ok: true, value: { duplicates: 2, samples: [{ value: 1 }] } });
  });

  test("that invents labels each time forgets the old ones", () => {
    const { read } = scrapeReader({ ...TARGET, maxSamples: 5_000 });
    const firstOf = (round: number) => {
      const lines = Array.from({ length: 2_000 }, (_, n) => `m{id="${round}-${n}"} 1`);
      const outcome = read(lines.join("\n"), "text");
      if (!outcome.ok) throw new Error(outcome.error);
      return outcome.value.samples[0]!.series;
    };
    const first = firstOf(0);
    expect(firstOf(0)).toBe(first);
    for (let round = 1; round < 5; round += 1) firstOf(round);
    expect(firstOf(0)).not.toBe(first);
  });

  test.each([
    [
      "too many samples",
      Array.from({ length: 101 }, (_, n) => `m{n="${n}"} 1`).join("\n"),
      "more than 100 samples",
    ],
    ["a long name", `${"m".repeat(300)} 1`, "__name__: over 256"],
    ["a long label name", `m{${"a".repeat(257)}="1"} 1`, "a name over 256"],
    ["a long value", `m{a="${"x".repeat(4_097)}"} 1`, "a: over 4096"],
    ["a NUL", 'm{a="\0"} 1', "a: a NUL"],
    [
      "too many labels",
      `m{${Array.from({ length: 62 }, (_, n) => `l${n}="1"`).join(",")}} 1`,
      "over 64 labels",
    ],
  ])("with %s", (_, text, reason) => {
    expect(reasonFor(text)).toContain(reason);
  });

  test("is held to the limits of the hub's decoder", () => {
    const { maxLabels, maxNameLength, maxValueLength } = LABEL_LIMITS;
    expect([maxLabels, maxNameLength, maxValueLength]).toEqual([64, 256, 4096]);
  });
});
