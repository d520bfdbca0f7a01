/**
 * Where in the query the server found its fault.
 *
 * Shape:  Prometheus names it in the message: `invalid parameter "query": 1:5: parse error: …`,
 *         line and column counted from 1.
 * Errors: undefined where no place is named; a place beyond the query is its last character.
 */
export type FaultPlace = {
  /** Offsets into the query; `to` is after the word at fault. */
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly column: number;
  /** The message without the place. */
  readonly message: string;
};

const PLACE =
  /^(?:invalid parameter "query": )?(?<line>\d+):(?<column>\d+): (?:parse error: )?(?<message>[^]*)$/;

export const faultPlace = (expr: string, said: string): FaultPlace | undefined => {
  const { line = "", column = "", message = "" } = PLACE.exec(said)?.groups ?? {};
  if (line === "") return undefined;
  const lines = expr.split("\n");
  const before = lines.slice(0, Number(line) - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const at = Math.max(0, before + Number(column) - 1);
  // Where the query ends too soon there is nothing to mark but its last character.
  const from = at < expr.length ? at : Math.max(0, expr.trimEnd().length - 1);
  const word = /^(?:[\w:]+|\S)/.exec(expr.slice(from))?.[0].length ?? 0;
  return { from, to: from + word, line: Number(line), column: Number(column), message };
};
