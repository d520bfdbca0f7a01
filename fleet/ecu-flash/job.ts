/**
 * The life of a flash job, and what must hold in the vehicle before it begins.
 *
 * Shape:  queued → flashing(next block) → done | failed | canceled. `flashImage` writes what is
 *         left, and tells of each block after the unit confirmed it, so that whoever goes on after
 *         a crash begins where the unit is known to be.
 * Units:  volts.
 * Errors: values; what the flash or the progress throws passes through and leaves the job as it is.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";
import type { BootRecord, Unit, UnitFault } from "./ecu.ts";
import { blockOf, type Manifest } from "./image.ts";

export const JOB_STATES = ["queued", "flashing", "done", "failed", "canceled"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Below this a unit may lose its power while its flash is being written. */
const MIN_BATTERY_VOLTS = 12.2;
export type Conditions = {
  readonly batteryVolts: number;
  readonly ignitionOn: boolean;
  readonly engineOn: boolean;
};
export type Unmet = { readonly field: string; readonly message: string };

export const unmetOf = (now: Conditions): Unmet | undefined => {
  if (now.batteryVolts < MIN_BATTERY_VOLTS)
    return {
      field: "batteryVolts",
      message: `batteryVolts: ${now.batteryVolts} V, at least ${MIN_BATTERY_VOLTS} V are needed`,
    };
  if (!now.ignitionOn) return { field: "ignitionOn", message: "ignitionOn: must be true" };
  if (now.engineOn) return { field: "engineOn", message: "engineOn: must be false" };
  return undefined;
};

/**
 * A block that the flash did not keep is written again this often, a bank that is not whole too.
 */
const MAX_REPEATS = 3;

export const flashImage = async (
  deps: {
    readonly unit: Unit;
    /** Called after the unit confirmed the block before `next`; false: stop, someone canceled. */
    readonly progress: (next: number) => Promise<boolean>;
  },
  of: Manifest,
  signature: string,
  bytes: Uint8Array,
  from: number,
): Promise<Result<BootRecord | "canceled", UnitFault>> => {
  const now = await deps.unit.boot();
  // The last attempt may have ended between the commit and its being noted.
  if (now.ok && now.value.sha256 === of.sha256 && now.value.counter === of.counter) return now;
  const may = await deps.unit.accept(of, signature);
  if (!may.ok) return may;
  let next = from;
  if (next === 0) await deps.unit.eraseSpare();
  let last: UnitFault = { code: "not_whole", message: "nothing was written" };
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat += 1) {
    while (next < of.blocks.length) {
      const wrote = await writeRepeatedly(deps.unit, of, next, blockOf(of, bytes, next));
      if (!wrote.ok) return wrote;
      next += 1;
      if (!(await deps.progress(next))) return ok("canceled");
    }
    const committed = await deps.unit.commit(of, signature);
    if (committed.ok || committed.error.block === undefined) return committed;
    last = committed.error;
    next = committed.error.block;
  }
  return err(last);
};

const writeRepeatedly = async (
  unit: Unit,
  of: Manifest,
  nth: number,
  bytes: Uint8Array,
): Promise<Result<null, UnitFault>> => {
  let wrote = await unit.writeBlock(of, nth, bytes);
  for (let repeat = 0; repeat < MAX_REPEATS && !wrote.ok; repeat += 1)
    wrote = await unit.writeBlock(of, nth, bytes);
  return wrote;
};
