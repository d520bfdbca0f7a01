/**
 * What can go wrong between a query's text and its answer.
 *
 * Shape:  a parse fault has a position; an evaluation fault has a code: `type` (the expression
 *         cannot mean anything on this data), `limit` (it costs too much), `timeout`, `stopped`
 *         (nobody waits for the answer any more).
 * Errors: inside this folder both travel as exceptions and become results at its doors.
 */

export type ParseFault = {
  readonly message: string;
  /** Offset into the text, counted from 0. */
  readonly position: number;
};
export type EvalFault = {
  readonly code: "limit" | "type" | "timeout" | "stopped";
  readonly message: string;
};

export class ParseError extends Error {
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

export class EvalError extends Error {
  readonly code: EvalFault["code"];
  constructor(code: EvalFault["code"], message: string) {
    super(message);
    this.code = code;
  }
}
