/**
 * label_replace, label_join and sorting by labels.
 *
 * Errors: `EvalError` for a bad pattern or label name, and where two series become one.
 */
import { METRIC_NAME, compareLabels, labelValue } from "../series.ts";
import { compileRegex } from "../matcher.ts";
import { isLabelName } from "./cursor.ts";
import { EvalError } from "./fault.ts";
import { mergeRows, type Row, SAME_LABELSET, withLabel } from "./row.ts";

const checkName = (name: string, func: string): void => {
  if (isLabelName(name)) return;
  throw new EvalError("type", `invalid label name in ${func}(): ${JSON.stringify(name)}`);
};

const setLabel = (row: Row, name: string, value: string): void => {
  row.labels = withLabel(row.labels, name, value);
  if (name === METRIC_NAME) row.dropName = false;
};

export const replaceLabels = (rows: Row[], args: readonly string[]): Row[] => {
  const [target, template, source, pattern] = args as [string, string, string, string];
  checkName(target, "label_replace");
  const regex = patternOf(pattern);
  for (const row of rows) {
    const match = regex.matcher(labelValue(row.labels, source));
    if (!match.matches()) continue;
    const groupOf = (name: string): string => groupText(match, regex.groupCount(), name);
    setLabel(row, target, expand(template, groupOf));
  }
  return mergeRows(rows, () => SAME_LABELSET);
};

const patternOf = (pattern: string): ReturnType<typeof compileRegex> => {
  try {
    return compileRegex(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EvalError("type", `invalid regular expression in label_replace(): ${reason}`);
  }
};

type Match = ReturnType<ReturnType<typeof compileRegex>["matcher"]>;

const groupText = (match: Match, count: number, name: string): string => {
  if (/^\d+$/.test(name)) return Number(name) <= count ? (match.group(Number(name)) ?? "") : "";
  return Object.hasOwn(match.namedGroups, name) ? (match.group(name) ?? "") : "";
};

/** `$1`, `${1}`, `$name`; the longest name counts, `$$` is a dollar. */
const expand = (template: string, groupOf: (name: string) => string): string =>
  template.replaceAll(
    /\$(?:\$|\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, plain: string | undefined) =>
      whole === "$$" ? "$" : groupOf(braced ?? plain ?? ""),
  );

export const joinLabels = (rows: Row[], args: readonly string[]): Row[] => {
  const [target, separator, ...sources] = args as [string, string, ...string[]];
  checkName(target, "label_join");
  for (const name of sources) checkName(name, "label_join");
  for (const row of rows) {
    const parts = sources.map((name) => labelValue(row.labels, name));
    setLabel(row, target, parts.join(separator));
  }
  return mergeRows(rows, () => SAME_LABELSET);
};

export const sortByLabels = (rows: Row[], names: readonly string[], sign: number): Row[] =>
  rows.sort((a, b) => {
    for (const name of names) {
      const order = naturally(labelValue(a.labels, name), labelValue(b.labels, name));
      if (order !== 0) return sign * order;
    }
    return sign * compareLabels(a.labels, b.labels);
  });

/** "4m5" before "4m600": runs of digits compare as numbers. */
const naturally = (a: string, b: string): number => {
  const partsA = a.match(/\d+|\D+/g) ?? [];
  const partsB = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.min(partsA.length, partsB.length); i++) {
    const partA = partsA[i]!;
    const partB = partsB[i]!;
    if (partA === partB) continue;
    const numbers = /^\d/.test(partA) && /^\d/.test(partB);
    const difference = numbers ? Number(partA) - Number(partB) : 0;
    if (difference !== 0) return difference;
    return partA < partB ? -1 : 1;
  }
  return partsA.length - partsB.length;
};
