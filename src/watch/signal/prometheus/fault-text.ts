/**
 * A parse fault in Prometheus' words: the parameter, then line and column.
 *
 * Units:  lines and columns from 1; a column counts bytes of UTF-8.
 */
import type { ParseFault } from "../promql/fault.ts";

const ENCODER = new TextEncoder();

export const parseFaultText = (
  parameter: string,
  text: string,
  { message, position }: ParseFault,
): string => {
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  const column = ENCODER.encode(before.slice(lineStart)).length + 1;
  return `invalid parameter "${parameter}": ${line}:${column}: parse error: ${message}`;
};
