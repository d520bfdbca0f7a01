/** Answers as the text Prometheus gives, and what is too large. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Value } from "../promql/evaluate.ts";
import { dataReply, errorReply, type PrometheusReply, seriesReply, valueReply } from "./answer.ts";
import { parseFaultText } from "./fault-text.ts";

const MAX_BYTES = 1_000_000;
const textOf = (reply: PrometheusReply | undefined): string =>
  new TextDecoder().decode(reply?.body ?? new Uint8Array());

const up = [
  ["__name__", "up"],
  ["job", 'a "b" é 💥'],
] as const;

test.each<[Value, string]>([
  [{ type: "scalar", t: 1_500, v: 1e21 }, '"scalar","result":[1.5,"1000000000000000000000"]'],
  [{ type: "string", t: 2_000, v: 'a"' }, '"string","result":[2,"a\\""]'],
  [{ type: "vector", samples: [] }, '"vector","result":[]'],
  [{ type: "matrix", series: [] }, '"matrix","result":[]'],
  [
    {
      type: "vector",
      samples: [
        { labels: up, t: 1, v: -0 },
        { labels: [], t: 1, v: 1e-7 },
      ],
    },
    '"vector","result":[{"metric":{"__name__":"up","job":"a \\"b\\" é 💥"},"value":[0.001,"-0"]},' +
      '{"metric":{},"value":[0.001,"1e-07"]}]',
  ],
  [
    {
      type: "matrix",
      series: [
        { labels: [], timestamps: Float64Array.of(0, 15_000), values: Float64Array.of(1, NaN) },
        { labels: [["a", "b"]], timestamps: Float64Array.of(15_000), values: Float64Array.of(2) },
      ],
    },
    '"matrix","result":[{"metric":{},"values":[[0,"1"],[15,"NaN"]]},' +
      '{"metric":{"a":"b"},"values":[[15,"2"]]}]',
  ],
])("%j", (value, text) => {
  const whole = `{"status":"success","data":{"resultType":${text}}}`;
  expect(textOf(valueReply(value, [], MAX_BYTES))).toBe(whole);
});

test("warnings stand beside the data, and faults have their status", () => {
  expect(textOf(dataReply(["a"], ["w"]))).toBe(
    '{"status":"success","data":["a"],"warnings":["w"]}',
  );
  expect(textOf(seriesReply([up, []], ["w"], MAX_BYTES))).toBe(
    '{"status":"success","data":[{"__name__":"up","job":"a \\"b\\" é 💥"},{}],"warnings":["w"]}',
  );
  const refused = errorReply("execution", "no");
  expect([refused.status, textOf(refused)]).toEqual([
    422,
    '{"status":"error","errorType":"execution","error":"no"}',
  ]);
});

test("law: an answer of any series reads back as those series, or is too large", () => {
  const one = fc.record({
    name: fc.string({ unit: "binary" }),
    points: fc.array(fc.tuple(fc.integer({ min: 0, max: 2e12 }), fc.double()), { minLength: 1 }),
  });
  fc.assert(
    fc.property(fc.array(one), (all) => {
      const series = all.map(({ name, points }) => ({
        labels: [["l", name.toWellFormed()]] as const,
        timestamps: Float64Array.from(points, ([ms]) => ms),
        values: Float64Array.from(points, ([, v]) => v),
      }));
      const reply = valueReply({ type: "matrix", series }, [], MAX_BYTES);
      const { data } = JSON.parse(textOf(reply)) as {
        data: { result: { metric: { l: string }; values: [number, string][] }[] };
      };
      expect(data.result.map(({ metric }) => metric.l)).toEqual(
        all.map(({ name }) => name.toWellFormed()),
      );
      expect(data.result.flatMap(({ values }) => values.map(([s]) => Math.round(s * 1e3)))).toEqual(
        all.flatMap(({ points }) => points.map(([ms]) => ms)),
      );
      const bytes = reply?.body.length ?? 0;
      expect(valueReply({ type: "matrix", series }, [], bytes)?.body.length).toBe(bytes);
      expect(valueReply({ type: "matrix", series }, [], bytes - 1)).toBeUndefined();
    }),
  );
});

test.each([
  ["", 0, "1:1"],
  ["sum(", 4, "1:5"],
  ["1+\n++)", 5, "2:3"],
  ["é + ", 4, "1:6"],
  ["a\n\n", 3, "3:1"],
])("a fault in %j at %d is told at %s", (text, position, place) => {
  expect(parseFaultText("query", text, { message: "no", position })).toBe(
    `invalid parameter "query": ${place}: parse error: no`,
  );
});
