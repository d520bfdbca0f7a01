/** Parameters as Prometheus reads them, a row a rule; its own words where it refuses. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Result } from "../../../kernel/result.ts";
import {
  type Ask,
  exemplarsAsk,
  labelsAsk,
  labelValuesAsk,
  MAX_TIME_MS,
  metadataAsk,
  parseLength,
  parseTime,
  queryAsk,
  queryRangeAsk,
  seriesAsk,
  unescapedName,
} from "./parameters.ts";

const NOW_MS = 1_000_000;
const given = (text: string) => new URLSearchParams(text);

test.each([
  ["0", 0],
  ["1435781430.781", 1_435_781_430_781],
  ["2.0009", 2_001],
  ["-5.5", -5_500],
  ["+1", 1_000],
  [".5", 500],
  ["5.", 5_000],
  ["1e3", 1_000_000],
  ["1e30", MAX_TIME_MS],
  ["-1e30", -MAX_TIME_MS],
  ["2015-07-01T20:10:30Z", 1_435_781_430_000],
  ["2015-07-01T20:10:30.781Z", 1_435_781_430_781],
  ["2015-07-01T20:10:30.7819Z", 1_435_781_430_781],
  ["2015-07-01T20:10:30.29Z", 1_435_781_430_290],
  ["2015-07-01T20:10:30+02:00", 1_435_774_230_000],
  ["2015-07-01T20:10:30-02:30", 1_435_790_430_000],
  ["2016-02-29T00:00:00Z", 1_456_704_000_000],
  ["", undefined],
  ["abc", undefined],
  ["NaN", undefined],
  ["Inf", undefined],
  ["0x10", undefined],
  ["1_0", undefined],
  [" 1", undefined],
  ["1 ", undefined],
  ["1e", undefined],
  [".", undefined],
  ["2015-07-01T20:10:30", undefined],
  ["2015-07-01t20:10:30z", undefined],
  ["2015-07-01 20:10:30Z", undefined],
  ["2015-02-29T00:00:00Z", undefined],
  ["2015-07-01T24:00:00Z", undefined],
  ["2015-07-01T20:10:60Z", undefined],
  ["2015-13-01T20:10:30Z", undefined],
])("the instant %j is %s ms", (text, ms) => {
  expect(parseTime(text)).toBe(ms);
});

test.each([
  ["15", 15_000],
  ["0.5", 500],
  ["0.0015", 1],
  ["-5", -5_000],
  ["1e3", 1_000_000],
  ["0", 0],
  ["1m", 60_000],
  ["1h30m", 5_400_000],
  ["1d12h", 129_600_000],
  ["1y2w", 32_745_600_000],
  ["5m500ms", 300_500],
  ["", undefined],
  ["30m1h", undefined],
  ["1h30x", undefined],
  ["1.5h", undefined],
  ["-1h", undefined],
  ["1e30", undefined],
  ["NaN", undefined],
  [`${"9".repeat(39)}y`, undefined],
])("the duration %j is %s ms", (text, ms) => {
  expect(parseLength(text)).toBe(ms);
});

test("law: whatever is said, an instant is undefined or a whole ms within bounds", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.double().map(String)), (text) => {
      const ms = parseTime(text);
      expect(ms === undefined || (Number.isInteger(ms) && Math.abs(ms) <= MAX_TIME_MS)).toBe(true);
      const length = parseLength(text);
      expect(length === undefined || Number.isInteger(length)).toBe(true);
    }),
  );
});

describe("an ask", () => {
  test("of an instant takes the clock's where none is given, and passes over the unknown", () => {
    expect(queryAsk(given("query=up&stats=all&nonsense=1"), NOW_MS)).toEqual({
      ok: true,
      value: { kind: "query", query: "up", timeMs: NOW_MS, timeoutMs: 120_000, limit: 0 },
    });
  });

  test("takes the first of a name", () => {
    const ask = queryAsk(given("query=a&query=b&time=1&time=2&timeout=5s"), NOW_MS);
    expect(ask).toMatchObject({ value: { query: "a", timeMs: 1_000, timeoutMs: 5_000 } });
  });

  test("waits no longer than two minutes, whatever is asked", () => {
    expect(queryAsk(given("query=1&timeout=1h"), 0)).toMatchObject({
      value: { timeoutMs: 120_000 },
    });
  });

  test("of a range has whole ms", () => {
    const ask = queryRangeAsk(given("query=up&start=1.0004&end=2&step=0.5&limit=3"));
    expect(ask).toEqual({
      ok: true,
      value: {
        ...{ kind: "queryRange", query: "up", startMs: 1_000, endMs: 2_000, stepMs: 500 },
        ...{ timeoutMs: 120_000, limit: 3 },
      },
    });
  });

  test("of a list reaches over all time, and keeps every selector", () => {
    expect(seriesAsk(given("match[]=a&match[]=b"))).toEqual({
      ok: true,
      value: {
        ...{ kind: "series", match: ["a", "b"], limit: 0 },
        ...{ startMs: -MAX_TIME_MS, endMs: MAX_TIME_MS },
      },
    });
  });

  test("of metadata has no limit where none is given", () => {
    expect(metadataAsk(given("metric="))).toEqual({
      ok: true,
      value: { kind: "metadata", metric: undefined, limit: -1, limitPerMetric: -1 },
    });
  });
});

const STEP = 'invalid parameter "step": zero or negative query resolution step widths';
test.each([
  ["query", "time=abc", `"time": Invalid time value for 'time': cannot parse "abc" to a valid`],
  ["query", "timeout=abc", 'invalid parameter "timeout": cannot parse "abc" to a valid duration'],
  ["query", "timeout=1e30", "It overflows int64"],
  ["query", "limit=x", 'invalid parameter "limit": cannot parse "x" to a number'],
  ["query", "limit=-1", 'invalid parameter "limit": limit must be non-negative'],
  ["range", "end=1&step=1", 'invalid parameter "start": cannot parse "" to a valid timestamp'],
  ["range", "start=1&step=1", 'invalid parameter "end": cannot parse "" to a valid timestamp'],
  ["range", "start=2&end=1&step=0", '"end": end timestamp must not be before start time'],
  ["range", "start=1&end=2", 'invalid parameter "step": cannot parse "" to a valid duration'],
  ["range", "start=1&end=2&step=0", STEP],
  ["range", "start=1&end=2&step=-1", STEP],
  ["range", "start=1&end=2&step=0.0001", STEP],
  ["range", "start=0&end=11001&step=1", "exceeded maximum resolution of 11,000 points per"],
  ["series", "", "no match[] parameter provided"],
  ["series", "match[]=up&start=x", `invalid parameter "start": Invalid time value for 'start'`],
  ["labels", "end=x", `invalid parameter "end": Invalid time value for 'end': cannot parse "x"`],
  ["values", "", 'invalid label name: "a\ufffd"'],
  ["metadata", "limit=x", "limit must be a number"],
  ["metadata", "limit_per_metric=1.5", "limit_per_metric must be a number"],
  ["exemplars", "start=2&end=1", "end timestamp must not be before start timestamp"],
])("%s?%s is refused: %s", (door, text, why) => {
  const parameters = given(text);
  const asks: Readonly<Record<string, () => Result<Ask>>> = {
    query: () => queryAsk(parameters, NOW_MS),
    range: () => queryRangeAsk(parameters),
    series: () => seriesAsk(parameters),
    labels: () => labelsAsk(parameters),
    values: () => labelValuesAsk("a\ufffd", parameters),
    metadata: () => metadataAsk(parameters),
    exemplars: () => exemplarsAsk(parameters),
  };
  const ask = asks[door]?.();
  expect(ask).toMatchObject({ ok: false, error: { code: "bad_request" } });
  expect(ask?.ok === false ? ask.error.message : "").toContain(why);
});

test.each([
  ["job", "job"],
  ["http.method", "http.method"],
  ["U__http_2e_method", "http.method"],
  ["U__a__b", "a_b"],
  ["U___1f4a5_x", "💥x"],
  ["U__", ""],
  ["U__a_", "U__a_"],
  ["U__a_2e", "U__a_2e"],
  ["U__a_2E_b", "U__a_2E_b"],
  ["U__a_zz_b", "U__a_zz_b"],
  ["U__a_d800_b", "U__a_d800_b"],
  ["U__a_110000_b", "U__a_110000_b"],
])("the name %j in an address is %j", (escaped, name) => {
  expect(unescapedName(escaped)).toBe(name);
});

test("a range of exactly 11,000 steps is taken", () => {
  expect(queryRangeAsk(given("query=1&start=0&end=11000&step=1")).ok).toBe(true);
});

test("a long parameter does not come back whole", () => {
  const ask = queryAsk(given(`query=1&time=${"x".repeat(5_000)}`), NOW_MS);
  expect(ask.ok ? "" : ask.error.message.length).toBeLessThan(300);
});
