/**
 * Numbers as Prometheus' HTTP API writes them.
 *
 * Shape:  a sample's value is the shortest text that reads back, with an exponent below 1e-6 and
 *         from 1e21 on ("1e-07", "1e+21"); a scalar's never has one. "NaN", "+Inf", "-Inf", "-0".
 * Units:  instants come in ms and go out in seconds, with at most three decimals.
 * Source: Prometheus' JSON encoder: Go's FormatFloat with 'f' or 'e' and precision -1.
 */

export const sampleText = (value: number): string => {
  const text = valueText(value);
  // Go writes an exponent with two digits at least.
  return text.length > 3 && text.at(-3) === "e" ? `${text.slice(0, -1)}0${text.at(-1)}` : text;
};

export const scalarText = (value: number): string => {
  const text = valueText(value);
  return text.includes("e") ? withoutExponent(text) : text;
};

export const secondsText = (ms: number): string => `${ms / 1_000}`;

const valueText = (value: number): string => {
  if (Math.abs(value) === Infinity) return value > 0 ? "+Inf" : "-Inf";
  return value === 0 && Object.is(value, -0) ? "-0" : `${value}`;
};

/** "1.25e-7" → "0.000000125", "-1.5e+21" → "-1500000000000000000000". */
const withoutExponent = (text: string): string => {
  const [mantissa = "", power = ""] = text.split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", part = ""] = mantissa.slice(sign.length).split(".");
  const point = whole.length + Number(power);
  const digits = whole + part;
  return point <= 0
    ? `${sign}0.${"0".repeat(-point)}${digits}`
    : `${sign}${digits.padEnd(point, "0")}`;
};
