/** The text format 0.0.4 and OpenMetrics 1.0, case by case after their documents, and back. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseExposition, parseSeriesName, type Format } from "./exposition.ts";

type Read = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number | undefined;
};

const read = (text: string, format: Format = "text"): readonly Read[] | string => {
  const lines: Read[] = [];
  const outcome = parseExposition(text, {
    format,
    family: () => undefined,
    sample: ({ seriesText, value, timeMs }) => {
      const series = parseSeriesName(seriesText);
      if (series === undefined || series.end !== seriesText.length) return "not a series";
      lines.push({ name: series.name, labels: Object.fromEntries(series.labels), value, timeMs });
      return undefined;
    },
  });
  return outcome.ok ? lines : outcome.error;
};
const one = (text: string): Read => {
  const lines = read(text);
  if (typeof lines === "string") throw new Error(lines);
  expect(lines).toHaveLength(1);
  return lines[0]!;
};

describe("a line", () => {
  const WINDOWS =
    'msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9';
  test.each<[string, string, Partial<Read>]>([
    ["no label, no time", "metric_without_timestamp_and_labels 12.47", { value: 12.47 }],
    [
      "labels and a time",
      'http_requests_total{method="post",code="200"} 1027 1395066363000',
      {
        labels: { method: "post", code: "200" },
        value: 1027,
        timeMs: 1395066363000,
      },
    ],
    [
      "a time before 1970",
      'something_weird{problem="division by zero"} +Inf -3982045',
      {
        value: Infinity,
        timeMs: -3982045,
      },
    ],
    [
      "escapes",
      WINDOWS,
      {
        labels: { path: "C:\\DIR\\FILE.TXT", error: 'Cannot find file:\n"FILE.TXT"' },
        value: 1.458255915e9,
      },
    ],
    ["-Inf", "m -Inf", { value: -Infinity }],
    ["an exponent", "m 1.5E-03", { value: 0.0015 }],
    ["no digit before the point", "m .5", { value: 0.5 }],
    ["no digit after the point", "m 5.", { value: 5 }],
    ["a sign", "m +5", { value: 5 }],
    ["a negative zero", "m -0", { value: -0 }],
    [
      "blanks and tabs",
      '\tm { a = "b" , c="d" }\t 1 \t 2 ',
      { labels: { a: "b", c: "d" }, value: 1, timeMs: 2 },
    ],
    ["a comma at the end", 'm{a="b",} 1', { labels: { a: "b" } }],
    ["empty braces", "m{} 1", { labels: {}, value: 1 }],
    ["braces and blanks in a value", 'm{a="} 7 {"} 1', { labels: { a: "} 7 {" }, value: 1 }],
    ["a sharp in a value", 'm{a="x # y"} 1', { labels: { a: "x # y" }, value: 1 }],
    ["a quote that is escaped", 'm{a="\\""} 1', { labels: { a: '"' } }],
    ["a backslash at the end of a value", 'm{a="\\\\"} 1', { labels: { a: "\\" } }],
    ["an unknown escape stays as it is", 'm{a="\\t"} 1', { labels: { a: "\\t" } }],
    ["a comma and an equals sign in a value", 'm{a="b,c=d"} 1', { labels: { a: "b,c=d" } }],
    ["colons in the name", "job:m:rate5m 1", { name: "job:m:rate5m" }],
    ["a line end of Windows", "m 1\r", { value: 1 }],
    ["UTF-8 in a value", 'm{a="é世😀"} 1', { labels: { a: "é世😀" } }],
    [
      "an exemplar of OpenMetrics is let pass",
      'm_bucket{le="1"} 4 # {trace_id="a"} 0.5 1.0',
      { value: 4 },
    ],
  ])("%s", (_, text, expected) => {
    expect(one(text)).toMatchObject(expected);
  });

  test.each(["NaN", "nan", "+NaN"])("%s is a value", (text) => {
    expect(one(`m ${text}`).value).toBeNaN();
  });

  test.each([
    ["no value", "m"],
    ["no value after labels", 'm{a="b"}'],
    ["a name that begins with a digit", "1m 1"],
    ["no name", '{a="b"} 1'],
    ["a dash in a name", "a-b 1"],
    ["a dot in a label's name", 'm{a.b="c"} 1'],
    ["a colon in a label's name", 'm{a:b="c"} 1'],
    ["a value that is no number", "m one"],
    ["a hexadecimal value", "m 0x10"],
    ["an underscore in a value", "m 1_000"],
    ["an empty exponent", "m 1e"],
    ["a lone point", "m ."],
    ["a time with a fraction", "m 1 1.5"],
    ["a time that is no number", "m 1 now"],
    ["a time beyond all clocks", "m 1 99999999999999999999"],
    ["too many words", "m 1 2 3"],
    ["a brace that is not closed", 'm{a="b" 1'],
    ["a quote that is not closed", 'm{a="b} 1'],
    ["no quotes", "m{a=b} 1"],
    ["the same label twice", 'm{a="1",a="2"} 1'],
    ["two commas", 'm{a="1",,b="2"} 1'],
    ["no comma", 'm{a="1"b="2"} 1'],
    ["a page instead", "<html><body>Not Found</body></html>"],
    ["JSON instead", '{"error":"no"}'],
    ["bytes", "\u0000\u0001\uFFFD\u0002"],
  ])("refused: %s", (_, text) => {
    expect(read(text)).toMatch(/^line 1: not a/);
  });
});

describe("a text", () => {
  test("comments, empty lines, types and help are passed over", () => {
    const text = [
      "# HELP http_requests_total The total, with \\n and a } brace.",
      "# TYPE http_requests_total counter",
      "",
      "# just a comment",
      "http_requests_total 1",
      "# EOF",
    ].join("\n");
    expect(read(text)).toHaveLength(1);
  });

  test("a histogram and a summary are series like others", () => {
    const text = [
      "# TYPE http_request_duration_seconds histogram",
      'http_request_duration_seconds_bucket{le="0.05"} 24054',
      'http_request_duration_seconds_bucket{le="+Inf"} 144320',
      "http_request_duration_seconds_sum 53423",
      "http_request_duration_seconds_count 144320",
      "# TYPE rpc_duration_seconds summary",
      'rpc_duration_seconds{quantile="0.01"} 3102',
      "rpc_duration_seconds_sum 1.7560473e+07",
      "rpc_duration_seconds_count 2693",
    ].join("\n");
    const lines = read(text);
    expect(lines).toHaveLength(7);
    expect(lines[1]).toMatchObject({ labels: { le: "+Inf" }, value: 144320 });
    expect(lines[5]).toMatchObject({ name: "rpc_duration_seconds_sum", value: 1.7560473e7 });
  });

  test("one bad line spoils the whole, and is named by its number", () => {
    expect(read("a 1\nb 2\nc three\nd 4\n")).toBe('line 3: not a sample: "c three"');
  });

  test("an empty text holds nothing", () => {
    expect(read("")).toEqual([]);
    expect(read("\n\n")).toEqual([]);
  });
});

const openMetrics = (text: string) => read(`${text}\n# EOF\n`, "openmetrics");

describe("OpenMetrics", () => {
  test("the example of its specification is read whole", () => {
    const text = [
      "# TYPE acme_http_router_request_seconds summary",
      "# UNIT acme_http_router_request_seconds seconds",
      "# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.",
      'acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32',
      'acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0',
      'acme_http_router_request_seconds_created{path="/api/v1",method="GET"} 1605281325.0',
      "# TYPE go_goroutines gauge",
      "# HELP go_goroutines Number of goroutines that currently exist.",
      "go_goroutines 69",
      "# TYPE process_cpu_seconds counter",
      "# UNIT process_cpu_seconds seconds",
      "process_cpu_seconds_total 4.20072246e+06",
    ].join("\n");
    const lines = openMetrics(text);
    expect(lines).toHaveLength(5);
    expect(lines[2]).toMatchObject({ name: "acme_http_router_request_seconds_created" });
  });

  test.each<[string, string, Partial<Read>]>([
    ["seconds become ms", "m_total 1 1520879607.789", { value: 1, timeMs: 1520879607789 }],
    ["whole seconds too", "m_total 1 1520879607", { timeMs: 1520879607000 }],
    ["a time before 1970", "m 1 -0.5", { timeMs: -500 }],
    [
      "an exemplar is stepped over",
      'm_bucket{le="1"} 4 # {trace_id="a b # }"} 0.5 1520879607.789',
      { value: 4, timeMs: undefined, labels: { le: "1" } },
    ],
    ["one after a time", "m_total 17 1520879607 # {} 9.8", { value: 17, timeMs: 1520879607000 }],
    ["one without labels or time", "m_total 17 # {} 9.8", { value: 17 }],
    ["`_created` is a series", "m_created 1520430000.123", { value: 1520430000.123 }],
  ])("%s", (_, text, expected) => {
    const lines = openMetrics(text);
    expect(lines).toMatchObject([expected]);
  });

  test.each([
    ["no end", "m 1\n", "no # EOF at the end"],
    ["nothing at all", "", "no # EOF at the end"],
    ["cut in its last line", "m 1\n# EO", "a comment that is no"],
    ["something after the end", "m 1\n# EOF\nn 1\n", "line 3: text after # EOF"],
    ["two ends", "# EOF\n# EOF\n", "line 2: a second # EOF"],
    ["a free comment", "# hello\n# EOF\n", "line 1: a comment that is no"],
    ["a unit not in the name", "# UNIT m seconds\n# EOF\n", "the unit is not the end of m"],
    ["a type there is not", "# TYPE m thing\n# EOF\n", "no such type"],
    ["an exemplar without value", 'm_total 1 # {a="b"}\n# EOF\n', "not a sample"],
    ["an exemplar with half a label", 'm_total 1 # {a="b} 1\n# EOF\n', "not a sample"],
    ["an exemplar with too much", "m_total 1 # {} 1 2 3\n# EOF\n", "not a sample"],
    ["a time that is none", "m 1 NaN\n# EOF\n", "not a sample"],
    ["a time beyond all clocks", "m 1 1e300\n# EOF\n", "not a sample"],
  ])("refused: %s", (_, text, why) => {
    expect(read(text, "openmetrics")).toContain(why);
  });

  test("control: the text format takes ms, free comments and no end", () => {
    expect(read("# hello\nm 1 1520879607789\n")).toMatchObject([{ timeMs: 1520879607789 }]);
  });
});

describe("laws", () => {
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/);
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,20}$/);
  const text = fc.string({ unit: "grapheme", maxLength: 30 }).filter((s) => !s.includes("\r"));
  const value = fc.oneof(fc.double(), fc.integer());
  const time = fc.option(fc.integer({ min: -4e12, max: 4e12 }), { nil: undefined });
  const escaped = (s: string): string =>
    s.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  const number = (n: number): string =>
    Number.isFinite(n) || Number.isNaN(n)
      ? Object.is(n, -0)
        ? "-0"
        : String(n)
      : n > 0
        ? "+Inf"
        : "-Inf";
  const line = fc.record({
    name,
    labels: fc.dictionary(label, text, { maxKeys: 5 }),
    value,
    timeMs: time,
  });

  test("what is written comes back", () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const written = lines
          .map((l) => {
            const labels = Object.entries(l.labels).map(([key, v]) => `${key}="${escaped(v)}"`);
            return `${l.name}{${labels.join(",")}} ${number(l.value)} ${l.timeMs ?? ""}\n`;
          })
          .join("");
        expect(read(written)).toEqual(lines.map((l) => ({ ...l, labels: { ...l.labels } })));
      }),
      { numRuns: 1_000 },
    );
  });

  test("no text makes it throw, and none takes long", () => {
    const nasty = fc.string({
      unit: fc.constantFrom("m", "{", "}", '"', "\\", "=", ",", " ", "1", "#", "\n", "a"),
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ maxLength: 200 })), (garbage) => {
        read(garbage);
      }),
      { numRuns: 10_000 },
    );
  });
});
