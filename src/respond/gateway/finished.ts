/** What became of one request, for the metrics and the span. */
import type { Circuit } from "./breaker.ts";

export type FinishedAs =
  | "served"
  | "fallback"
  | "shed"
  | "limited"
  | "overloaded"
  | "waiting"
  | "denied"
  | "refused"
  | "failed"
  | "aborted";

export type Finished = {
  readonly service: string;
  readonly route: string;
  readonly channel: string;
  readonly status: number;
  readonly outcome: FinishedAs;
  readonly durationMs: number;
};

export const CIRCUITS_AS_NUMBERS: Readonly<Record<Circuit, number>> = {
  ...{ closed: 0, half_open: 1, open: 2 },
};
