/**
 * The port behind which everything that can change the platform stands: one shape for a supervisor
 * of processes, a gateway, a Kubernetes cluster or HAProxy.
 *
 * Shape:  `preview` says what would change and touches nothing; `apply` changes it once per `id`
 *         and says how to bring it back; `observe` says what is there now. An adapter offers the
 *         changes it can make (`can`).
 * Units:  ms; shares 0 to 1; bytes; cores.
 * Errors: an ActuatorFault with a code: the caller decides by the code, people read the message.
 */

/** One change somebody can ask for, in no product's words. */
export type Change =
  | {
      readonly kind: "scale";
      readonly service: string;
      readonly region: string;
      readonly replicas: number;
    }
  | { readonly kind: "restart"; readonly service: string; readonly instance: string }
  | { readonly kind: "drain"; readonly service: string; readonly instance: string }
  | { readonly kind: "release"; readonly service: string; readonly instance: string }
  | { readonly kind: "version"; readonly service: string; readonly version: string }
  | {
      readonly kind: "circuit";
      readonly service: string;
      readonly instance: string | null;
      readonly state: "auto" | "open" | "closed";
    }
  | {
      readonly kind: "fallback";
      readonly service: string;
      readonly mode: "auto" | "backup" | "last_good" | "static" | "off";
    }
  | {
      readonly kind: "throttle";
      readonly service: string;
      readonly ratePerS: number | null;
      readonly burst: number;
    }
  | { readonly kind: "shed"; readonly level: number }
  | { readonly kind: "queue"; readonly maxActive: number | null; readonly perMinute: number | null }
  | { readonly kind: "premium"; readonly share: number }
  | {
      readonly kind: "route";
      readonly service: string | null;
      readonly weights: Readonly<Record<string, number>> | null;
    };

export type Wanted = {
  /** Carried out once per id, however often it is asked for. */
  readonly id: string;
  /** The asking hub's; an older one than was seen is refused. */
  readonly epoch: number;
  readonly change: Change;
  /** From here on the change ends by itself; null: it stays. */
  readonly untilMs: number | null;
};

export type Applied = {
  /** False: this id was carried out before. */
  readonly isFirst: boolean;
  /** One line for people. */
  readonly effect: string;
  /** The change that brings back what was there; null: there is no way back (a restart). */
  readonly undo: Change | null;
};

export type Replica = {
  readonly id: string;
  readonly service: string;
  readonly region: string;
  readonly state: "starting" | "ready" | "unhealthy" | "draining" | "stopped" | "quarantined";
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly restarts: number;
  readonly version: string;
};

export type Pool = {
  readonly service: string;
  readonly region: string;
  readonly replicas: number;
  readonly min: number;
  readonly max: number;
};

/** What an actuator sees of what it can change. */
export type Observed = {
  readonly atMs: number;
  readonly pools: readonly Pool[];
  readonly replicas: readonly Replica[];
  /** Changes in force that differ from the ordinary, e.g. an open circuit. */
  readonly inForce: readonly Change[];
};

export type FaultCode =
  /** Not there, or not ours. */
  | "unknown_target"
  /** Beyond what the plan or the actuator allows. */
  | "out_of_bounds"
  /** A newer hub has given orders. */
  | "stale_epoch"
  /** Somebody else changed it meanwhile; look again. */
  | "conflict"
  /** No answer, or none that can be read: it may have been carried out. */
  | "unavailable";

export class ActuatorFault extends Error {
  override readonly name = "ActuatorFault";
  readonly code: FaultCode;
  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type Actuator = {
  readonly name: string;
  readonly can: (change: Change) => boolean;
  readonly preview: (change: Change) => Promise<Pick<Applied, "effect" | "undo">>;
  readonly apply: (wanted: Wanted) => Promise<Applied>;
  readonly observe: () => Promise<Observed>;
};
