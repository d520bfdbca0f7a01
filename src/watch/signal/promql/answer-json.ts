/**
 * An answer as the text Prometheus' HTTP API gives.
 *
 * Shape:  {"status":"success","data":{"resultType":…,"result":…}}; a sample is [seconds, "value"].
 * Units:  seconds with at most three decimals; values as the shortest text that reads back.
 * Why:    written by hand: a range of 10,000 points becomes one text, with no array in between.
 */
import type { Labels } from "../series.ts";
import type { Value } from "./evaluate.ts";

export const answerJson = (value: Value): string =>
  `{"status":"success","data":{"resultType":"${value.type}","result":${resultJson(value)}}}`;

const resultJson = (value: Value): string => {
  switch (value.type) {
    case "scalar":
      return `[${seconds(value.t)},"${number(value.v)}"]`;
    case "string":
      return `[${seconds(value.t)},${JSON.stringify(value.v)}]`;
    case "vector":
      return `[${value.samples
        .map(
          ({ labels, t, v }) =>
            `{"metric":${labelsJson(labels)},"value":[${seconds(t)},"${number(v)}"]}`,
        )
        .join(",")}]`;
    case "matrix":
      return `[${value.series
        .map(
          ({ labels, timestamps, values }) =>
            `{"metric":${labelsJson(labels)},"values":[${pointsJson(timestamps, values)}]}`,
        )
        .join(",")}]`;
    default:
      return value satisfies never;
  }
};

const labelsJson = (labels: Labels): string => {
  let text = "{";
  for (const [name, value] of labels) {
    text += `${text === "{" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return `${text}}`;
};

const pointsJson = (timestamps: Float64Array, values: Float64Array): string => {
  let text = "";
  for (let i = 0; i < values.length; i++) {
    text += `${i === 0 ? "" : ","}[${seconds(timestamps[i]!)},"${number(values[i]!)}"]`;
  }
  return text;
};

const number = (value: number): string => {
  if (value === Infinity) return "+Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  return value === -Infinity ? "-Inf" : `${value}`;
};

/** Whole seconds, or three decimals. */
const seconds = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}` : (ms / 1000).toFixed(3));
