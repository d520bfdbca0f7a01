/**
 * Names, argument types and results of PromQL's functions.
 *
 * Shape:  `variadic` 0: exactly these arguments; n: the last may be missing or come up to n times;
 *         -1: the last may be missing or come any number of times.
 */
import type { ValueType } from "./ast.ts";

export type FunctionSignature = {
  readonly args: readonly ValueType[];
  readonly variadic: number;
  readonly returns: ValueType;
};

const table = new Map<string, FunctionSignature>();
const define = (
  names: string,
  args: readonly ValueType[],
  returns: ValueType = "vector",
  variadic = 0,
): void => {
  for (const name of names.split(" ")) table.set(name, { args, variadic, returns });
};

define("abs ceil exp floor ln log2 log10 sgn sqrt", ["vector"]);
define("acos acosh asin asinh atan atanh cos cosh sin sinh tan tanh deg rad", ["vector"]);
define("absent sort sort_desc timestamp", ["vector"]);
define("scalar", ["vector"], "scalar");
define("vector", ["scalar"]);
define("time pi start end step range", [], "scalar");
define("min_of max_of", ["scalar", "scalar"], "scalar");
define(
  "days_in_month day_of_month day_of_week day_of_year hour minute month year",
  ["vector"],
  "vector",
  1,
);
define("clamp", ["vector", "scalar", "scalar"]);
define("clamp_max clamp_min", ["vector", "scalar"]);
define("round", ["vector", "scalar"], "vector", 1);
define("label_replace", ["vector", "string", "string", "string", "string"]);
define("label_join", ["vector", "string", "string", "string"], "vector", -1);
define("sort_by_label sort_by_label_desc", ["vector", "string"], "vector", -1);
define("histogram_quantile", ["scalar", "vector"]);
define("histogram_fraction", ["scalar", "scalar", "vector"]);
define("histogram_quantiles", ["vector", "string", "scalar", "scalar"], "vector", 9);
define("histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum", ["vector"]);
define("rate increase delta irate idelta deriv changes resets", ["matrix"]);
define("avg_over_time sum_over_time min_over_time max_over_time count_over_time", ["matrix"]);
define("stddev_over_time stdvar_over_time mad_over_time", ["matrix"]);
define("first_over_time last_over_time present_over_time absent_over_time", ["matrix"]);
define("ts_of_first_over_time ts_of_last_over_time", ["matrix"]);
define("ts_of_max_over_time ts_of_min_over_time", ["matrix"]);
define("quantile_over_time", ["scalar", "matrix"]);
define("predict_linear", ["matrix", "scalar"]);
define("double_exponential_smoothing", ["matrix", "scalar", "scalar"]);

export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = table;
