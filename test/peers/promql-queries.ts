/**
 * Random PromQL, as text, over the metrics of promql-differential.test.ts.
 *
 * Shape:  a tree of bounded depth: selectors, functions of ranges and subqueries, aggregations,
 *         operators, label functions; offsets and `@`. What is computed and so may differ in its
 *         last digits never meets what jumps: floor, round, %, a comparison of two such values, a
 *         divisor, the choice of topk.
 * Units:  durations are multiples of 10 s.
 */
import * as fc from "fast-check";

const pick = (words: string): fc.Arbitrary<string> => fc.constantFrom(...words.split(" "));
const text = (
  parts: TemplateStringsArray,
  ...given: readonly (fc.Arbitrary<string> | string)[]
): fc.Arbitrary<string> =>
  fc
    .tuple(...given.map((one) => (typeof one === "string" ? fc.constant(one) : one)))
    .map((all) => parts.map((part, i) => part + (all[i] ?? "")).join(""));

const GAUGES = "temperature queue_length";
const COUNTERS = "requests_total errors_total";
const LABELS = "host zone kind";

const matcher = fc.oneof(
  text`host="${pick("a b c d")}"`,
  text`zone!="${pick("north south nowhere")}"`,
  text`host=~"${pick("a|b [ab].* .+ c|d|e .*")}"`,
  text`kind!~"${pick("x|y x.* y .+")}"`,
  text`zone=~"n.*"`,
  text`missing=""`,
);
const matchers = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc.array(matcher, { minLength: 1, maxLength: 3 }).map((all) => `{${all.join(", ")}}`),
);
const shift = fc.oneof(
  { weight: 6, arbitrary: fc.constant("") },
  text` offset ${pick("10s 50s 2m 10m -1m -30s")}`,
  text` @ ${pick("start() end()")}`,
  text` @ ${pick("1800001007 1800002217")} offset ${pick("1m -20s")}`,
);
const range = pick("40s 1m 90s 2m 5m 12m 30m");
/** Without one it is a minute, there as here. */
const step = fc.constantFrom("10s", "20s", "30s", "1m", "");

const gauge = text`${pick(GAUGES)}${matchers}${shift}`;
const counter = text`${pick(COUNTERS)}${matchers}${shift}`;
const exact = fc.oneof(gauge, counter);

const OVER_TIME =
  "avg_over_time sum_over_time min_over_time max_over_time count_over_time last_over_time " +
  "present_over_time stddev_over_time stdvar_over_time deriv delta idelta changes resets";
const OF_COUNTERS = "rate increase irate resets changes";

const ranged = fc.oneof(
  text`${pick(OVER_TIME)}(${pick(GAUGES)}${matchers}[${range}]${shift})`,
  text`${pick(OF_COUNTERS)}(${pick(COUNTERS)}${matchers}[${range}]${shift})`,
  text`quantile_over_time(${pick("0 0.3 0.5 0.99 1 -1 2")}, ${pick(GAUGES)}${matchers}[${range}])`,
  text`predict_linear(${pick(GAUGES)}${matchers}[${range}], ${pick("60 600 -30")})`,
  text`absent_over_time(${pick("temperature nothing")}${matchers}[${range}])`,
);

const scalar = fc.oneof(
  pick("2 0.37 -1.71 1e3 time() pi()"),
  text`scalar(${pick("temperature nothing")}{host="a", kind="x", zone="north"})`,
);
/** No value of ours is near these. */
const BORDERS = "0.7331 17.3091 -3.1417 104.717";
const grouping = fc.oneof(
  fc.constant(""),
  text`by (${pick(LABELS)}) `,
  text`by (${pick(LABELS)}, ${pick(LABELS)}) `,
  text`without (${pick(LABELS)}) `,
);
const jumps = fc.oneof(
  text`${pick("floor ceil round sgn")}(${exact})`,
  text`round(${gauge}, ${pick("5 0.25 100")})`,
  text`(${exact} ${pick("% == != > <= >= <")} ${pick("7 20 0")})`,
  text`(${gauge} ${pick("> < >= !=")} bool ${gauge})`,
  text`${pick("topk bottomk")} ${grouping}(${pick("1 2 5")}, temperature${matchers})`,
  text`${pick("day_of_week hour minute month year days_in_month day_of_year")}(${counter})`,
  text`count_values ${grouping}("value", queue_length${matchers})`,
  text`timestamp(${pick(GAUGES)}${matchers})`,
  text`${pick("stddev stdvar")} ${grouping}(${exact})`,
  text`absent(${pick("nothing temperature")}${matchers})`,
);

const MATCHING = fc.oneof(
  fc.constant(""),
  text`on (${pick(LABELS)}, ${pick(LABELS)})`,
  text`on (host, zone, kind)`,
  text`ignoring (${pick(LABELS)})`,
  text`on (host) group_left (${pick("zone kind")})`,
  text`ignoring (kind) group_right ()`,
);
const onHost = fc.constantFrom("", "on (host) ");
const QUANTILES = "0 0.25 0.5 0.9 1";
const BUCKETS = pick("rate increase").chain(
  (func) => text`${func}(duration_seconds_bucket${matchers}[${range}])`,
);

const OVER_SUBQUERIES = "avg_over_time max_over_time count_over_time deriv last_over_time";

const leaves: readonly fc.WeightedArbitrary<string>[] = [
  { weight: 3, arbitrary: exact },
  { weight: 6, arbitrary: ranged },
  { weight: 3, arbitrary: jumps },
  {
    weight: 2,
    arbitrary: text`histogram_quantile(${pick("0.5 0.9 0.99 0")}, sum by (le, host) (${BUCKETS}))`,
  },
  { weight: 1, arbitrary: text`histogram_quantile(0.7, ${BUCKETS})` },
  { weight: 1, arbitrary: text`vector(${scalar})` },
];

type Tie = fc.Arbitrary<string>;

/** What is made of vectors, of any kind. */
const madeOf = (vector: Tie): readonly fc.WeightedArbitrary<string>[] => [
  {
    weight: 5,
    arbitrary: text`${pick("sum avg min max count group")} ${grouping}(${vector})`,
  },
  { weight: 2, arbitrary: text`quantile ${grouping}(${pick(QUANTILES)}, ${vector})` },
  { weight: 2, arbitrary: text`(${vector} ${pick("+ - * /")} ${scalar})` },
  { weight: 1, arbitrary: text`(${scalar} ${pick("+ - *")} ${vector})` },
  { weight: 2, arbitrary: text`(${vector} ${pick("> <")} ${pick(BORDERS)})` },
  { weight: 3, arbitrary: text`(${vector} ${pick("+ - *")} ${MATCHING} ${vector})` },
  { weight: 2, arbitrary: text`(${vector} / ${MATCHING} ${gauge})` },
  { weight: 3, arbitrary: text`(${vector} ${pick("and unless")} ${onHost}${vector})` },
  // Without names, which would be told apart until the very end.
  { weight: 2, arbitrary: text`(0 + ${vector} or ${onHost}1 * ${vector})` },
  { weight: 1, arbitrary: text`${pick("abs exp sqrt ln atan sinh rad deg")}(${vector})` },
  { weight: 1, arbitrary: text`clamp(${vector}, ${pick("-5 0")}, ${pick("3 40 -9")})` },
  { weight: 1, arbitrary: text`-${vector}` },
  { weight: 1, arbitrary: text`${pick("sort sort_desc")}(${vector})` },
  {
    weight: 1,
    arbitrary: text`label_replace(${vector}, "${pick("host new")}", "$1-x", "zone", "${pick("(.).* n(.*) z")}")`,
  },
  { weight: 1, arbitrary: text`label_join(${vector}, "new", "/", "zone", "host")` },
];

export const queries: fc.Arbitrary<string> = fc.letrec<{
  readonly vector: string;
  readonly inner: string;
}>((tie) => ({
  vector: fc.oneof(
    { maxDepth: 3, depthIdentifier: "vector" },
    ...leaves,
    ...madeOf(tie("vector")),
    {
      weight: 3,
      arbitrary: text`${pick(OVER_SUBQUERIES)}(${tie("inner")}[${range}:${step}]${shift})`,
    },
  ),
  // One inside another would be on whole minutes, where versions differ.
  inner: fc.oneof({ maxDepth: 2, depthIdentifier: "inner" }, ...leaves, ...madeOf(tie("inner"))),
})).vector;
