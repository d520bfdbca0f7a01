/**
 * One corrective action: what set it off, what it changes, how it is verified; and what can be seen
 * of a change.
 *
 * Shape:  a change touches one field of the platform (`targetOf`), and each field has one owner at
 *         a time. `isInPlace` and `effect` read what an actuator observes.
 * Units:  ms since the epoch.
 */
import type { Words } from "../../launch/kpi/reading.ts";
import type { Operator } from "../../launch/plan/plan.ts";
import type { Life } from "./action.ts";
import type { Change, Observed, Replica } from "./port.ts";

export type Trigger = {
  readonly kind: "rule" | "event" | "load" | "human";
  /** The alert's number, where one set it off. */
  readonly alert: number | null;
  readonly rule: string | null;
  readonly service: string | null;
  readonly region: string | null;
  readonly instance: string | null;
  readonly text: Words;
  /** When the trouble was first measured: repair times count from here. */
  readonly detectedAtMs: number;
  readonly evidence: Readonly<Record<string, number>>;
};

export type Step = {
  readonly change: Change;
  /** Known before it begins, so that a restart of the hub finds the way back. */
  readonly undo: Change | null;
  readonly effect: string;
  /** Restarts of the instance before, where the change is a restart. */
  readonly restartsBefore: number | null;
};

/** Declared before the action begins. */
export type Verification =
  | {
      readonly kind: "rule";
      readonly rule: string;
      readonly service: string | null;
      readonly region: string | null;
    }
  | { readonly kind: "effect" }
  /** What the data plane did by itself is over. */
  | { readonly kind: "ordinary" }
  | {
      readonly kind: "promql";
      readonly expr: string;
      readonly op: Operator;
      readonly value: number;
      readonly text: string;
    };

export type Origin = "automatic" | "human" | "reflex";

export type RunDraft = {
  readonly playbook: string | null;
  readonly target: string;
  readonly service: string | null;
  readonly region: string | null;
  readonly origin: Origin;
  readonly proposedBy: string;
  readonly trigger: Trigger;
  readonly steps: readonly Step[];
  readonly verification: Verification;
  /** The changes end by themselves after this; null: they stay. */
  readonly holdMs: number | null;
  readonly planVersion: number;
  readonly planDigest: string;
  readonly proposedAtMs: number;
  readonly approvedBy: string | null;
  readonly life: Life;
  readonly why: Words;
};
export type Run = RunDraft & { readonly id: number };

/** The field of the platform a change touches. */
export const targetOf = (change: Change): string => {
  switch (change.kind) {
    case "scale":
      return `replicas:${change.service}@${change.region}`;
    case "restart":
    case "drain":
    case "release":
      return `instance:${change.instance}`;
    case "version":
      return `version:${change.service}`;
    case "circuit":
      return `circuit:${change.instance ?? change.service}`;
    case "fallback":
      return `fallback:${change.service}`;
    case "throttle":
      return `throttle:${change.service}`;
    case "route":
      return `route:${change.service ?? "all"}`;
    case "shed":
    case "queue":
    case "premium":
      return change.kind;
  }
};

export const serviceOf = (change: Change): string | null =>
  "service" in change ? change.service : null;

/** Is the change there? Null: what is observed does not tell. */
export const isInPlace = (
  change: Change,
  observed: Observed,
  restartsBefore: number | null,
): boolean | null => {
  switch (change.kind) {
    case "scale": {
      const pool = observed.pools.find(
        ({ service, region }) => service === change.service && region === change.region,
      );
      return pool === undefined ? null : pool.replicas === change.replicas;
    }
    case "restart": {
      const found = replicaOf(observed, change.instance);
      if (found === undefined || restartsBefore === null) return null;
      return found.restarts > restartsBefore;
    }
    case "drain":
    case "release": {
      const found = replicaOf(observed, change.instance);
      if (found === undefined) return null;
      const isOut = ["draining", "stopped", "quarantined"].includes(found.state);
      return change.kind === "drain" ? isOut : !isOut;
    }
    case "version": {
      const all = observed.replicas.filter(({ service }) => service === change.service);
      return all.length === 0 ? null : all.every(({ version }) => version === change.version);
    }
    case "circuit":
    case "fallback":
    case "throttle":
    case "shed":
    case "queue":
    case "premium":
    case "route": {
      const there = observed.inForce.find((one) => targetOf(one) === targetOf(change));
      if (isOrdinary(change)) return there === undefined;
      return there !== undefined && sameChange(there, change);
    }
  }
};

/** Has it done what it is for: instances that are ready, a limit that is in force. */
export const effect = (step: Step, observed: Observed): "clear" | "breach" | "unknown" => {
  const { change } = step;
  const isThere = isInPlace(change, observed, step.restartsBefore);
  if (isThere === null) return "unknown";
  if (!isThere) return "breach";
  switch (change.kind) {
    case "scale": {
      const ready = observed.replicas.filter(
        ({ service, region, state }) =>
          service === change.service && region === change.region && state === "ready",
      );
      return ready.length >= change.replicas ? "clear" : "breach";
    }
    case "restart":
    case "release":
      return replicaOf(observed, change.instance)?.state === "ready" ? "clear" : "breach";
    case "version": {
      const all = observed.replicas.filter(({ service }) => service === change.service);
      return all.every(({ state }) => state === "ready") ? "clear" : "breach";
    }
    case "drain":
    case "circuit":
    case "fallback":
    case "throttle":
    case "shed":
    case "queue":
    case "premium":
    case "route":
      return "clear";
  }
};

export const replicaOf = (observed: Observed, id: string): Replica | undefined =>
  observed.replicas.find((one) => one.id === id);

/** The change that is no change: things are as they ordinarily are. */
export const isOrdinary = (change: Change): boolean => {
  switch (change.kind) {
    case "circuit":
      return change.state === "auto";
    case "fallback":
      return change.mode === "auto";
    case "throttle":
      return change.ratePerS === null;
    case "shed":
      return change.level === 0;
    case "queue":
      return change.maxActive === null;
    case "premium":
      return change.share === 0;
    case "route":
      return change.weights === null;
    case "scale":
    case "restart":
    case "drain":
    case "release":
    case "version":
      return false;
  }
};

const sameChange = (a: Change, b: Change): boolean => {
  switch (a.kind) {
    case "circuit":
      return b.kind === "circuit" && a.state === b.state;
    case "fallback":
      return b.kind === "fallback" && a.mode === b.mode;
    case "throttle":
      return b.kind === "throttle" && a.ratePerS === b.ratePerS;
    case "shed":
      return b.kind === "shed" && a.level >= b.level;
    case "queue":
      return b.kind === "queue" && a.maxActive === b.maxActive;
    case "premium":
      return b.kind === "premium" && a.share === b.share;
    case "route":
      return b.kind === "route" && sameWeights(a.weights, b.weights);
    case "scale":
    case "restart":
    case "drain":
    case "release":
    case "version":
      return false;
  }
};

const sameWeights = (
  a: Readonly<Record<string, number>> | null,
  b: Readonly<Record<string, number>> | null,
): boolean => {
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return [...names].every((name) => (a?.[name] ?? 0) === (b?.[name] ?? 0));
};
