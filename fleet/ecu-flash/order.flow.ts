/**
 * Orders a flash job: the image is known, the vehicle is ready, its unit would take the image.
 *
 * Errors: 404 image or vehicle, 422 `precondition_failed` (field and limit), `wrong_hardware`,
 *         `no_reading`; 409 `older_version`, `conflict`; 503 where OBD-II has to be asked and is
 *         away.
 */
import { z } from "zod";
import { ok, problem, type Result } from "../../src/kernel/result.ts";
import type { Db } from "../../src/io/postgres/db.ts";
import type { CallOut } from "../frame/call.ts";
import { refuse, type Caller, type Refusal } from "../frame/route.ts";
import * as store from "./ecu-flash.store.ts";
import type { Unit, UnitFault } from "./ecu.ts";
import { unmetOf, type Conditions } from "./job.ts";

export type Order = {
  readonly id: string;
  readonly vehicle: string;
  readonly image: string;
  readonly conditions?: Conditions | undefined;
  /** What a dongle printed just now; the OBD-II Service reads the conditions from it. */
  readonly obdLines?: readonly string[] | undefined;
};

export const orderJob =
  (deps: {
    readonly db: Db;
    readonly call: CallOut;
    readonly unitOf: (vehicle: string) => Promise<Unit>;
  }) =>
  async (order: Order, caller: Caller): Promise<Result<store.Job, Refusal>> => {
    const { id, vehicle } = order;
    const image = await store.findImage(deps.db, order.image);
    if (image === undefined)
      return problem("not_found", `image: none of id ${order.image}`, { field: "image" });
    if ((await store.hardwareOf(deps.db, vehicle)) === undefined)
      return problem("not_found", `vehicle: ${vehicle} is not known here`, { field: "vehicle" });
    const now = await conditionsOf(deps.call, order, caller);
    if (!now.ok) return now;
    const unmet = unmetOf(now.value);
    if (unmet !== undefined)
      return refuse("precondition_failed", 422, unmet.message, `conditions.${unmet.field}`);
    const taken = await (await deps.unitOf(vehicle)).accept(image.manifest, image.signature);
    if (!taken.ok) return refusedBy(taken.error);
    const job = { id, vehicle, image: image.id, blocks: image.manifest.blocks.length };
    if (!(await store.addJob(deps.db, job, caller.user)))
      return problem("conflict", `vehicle: ${vehicle} has a job that is not over`, {
        field: "vehicle",
      });
    return ok({ ...job, state: "queued" as const, nextBlock: 0, why: null });
  };

const refusedBy = (fault: UnitFault): Result<never, Refusal> =>
  fault.code === "older_version"
    ? refuse(fault.code, 409, `image: ${fault.message}`, "image")
    : refuse(fault.code, 422, `image: ${fault.message}`, "image");

const reading = z.object({
  values: z.array(z.object({ key: z.string(), value: z.unknown() })),
});
const OBD_TIMEOUT_MS = 2_000;

const conditionsOf = async (
  call: CallOut,
  { conditions, obdLines }: Order,
  caller: Caller,
): Promise<Result<Conditions, Refusal>> => {
  if (conditions !== undefined) return ok(conditions);
  const answer = await call({
    ...{ to: { service: "obd2" }, path: "/obd2/diagnostics", method: "POST", caller },
    ...{ body: { lines: obdLines }, timeoutMs: OBD_TIMEOUT_MS },
  });
  if (!answer.ok || answer.value.status >= 500)
    return problem("unavailable", "the OBD-II Service is away: conditions can be given instead", {
      retryAfterMs: 1_000,
    });
  const read = reading.safeParse(answer.value.body);
  if (answer.value.status !== 201 || !read.success)
    return refuse("no_reading", 422, "obdLines: the OBD-II Service cannot read them", "obdLines");
  const valueOf = (key: string): number | undefined => {
    const found = read.data.values.find((one) => one.key === key)?.value;
    return typeof found === "number" ? found : undefined;
  };
  const batteryVolts = valueOf("control_module_voltage");
  const speed = valueOf("engine_speed");
  if (batteryVolts === undefined || speed === undefined) {
    const missing = batteryVolts === undefined ? "PID 42 (voltage)" : "PID 0C (engine speed)";
    return refuse("no_reading", 422, `obdLines: an answer to ${missing} is missing`, "obdLines");
  }
  // A unit that answers has its ignition on.
  return ok({ batteryVolts, ignitionOn: true, engineOn: speed > 0 });
};
