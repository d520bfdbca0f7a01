/**
 * The port of everything that is read at an interval.
 *
 * Shape:  `collect` answers with the samples of one look, or rejects: then all its series go stale.
 *         It must end soon after `signal` is aborted; a collector never runs beside itself.
 */
import type { Family } from "./family.ts";
import type { Sample } from "./series.ts";

export type Collector = {
  /** Unique in the agent; becomes the label `collector` of the agent's own metrics. */
  readonly name: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly collect: (look: CollectLook) => Promise<readonly Sample[]>;
  /** What to say instead when a look failed, such as `up` 0. */
  readonly failed?: (look: {
    readonly elapsedMs: number;
    readonly why: string;
  }) => readonly Sample[];
  /** What is to be told of the metrics themselves; asked after a look that succeeded. */
  readonly families?: () => readonly Family[];
  readonly close?: () => Promise<void>;
};

export type CollectLook = { readonly signal: AbortSignal };
