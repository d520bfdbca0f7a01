/**
 * ECU Flash Service: signed images, vehicles with simulated units, jobs that resume.
 *
 * Shape:  POST and GET /ecu-flash/images, POST /ecu-flash/vehicles, GET
 *         /ecu-flash/vehicles/:vehicle, POST /ecu-flash/jobs, GET and DELETE /ecu-flash/jobs/:id.
 *         The units' files and the trusted keys (`ecu-flash-keys`: one Ed25519 public key a line,
 *         raw, base64) stand beside the instances' data directories: vehicles outlive instances.
 * Errors: see `order.flow.ts`; an image: 422 `bad_signature`, `bad_image`.
 */
import { createHash, createPublicKey, randomUUID, verify, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { ok, problem } from "../../src/kernel/result.ts";
import { refuse, route, type Route } from "../frame/route.ts";
import { databaseCheck, type Service } from "../frame/service.ts";
import { fileFlash } from "./adapters/file-flash.ts";
import * as store from "./ecu-flash.store.ts";
import { unitOn, type BootRecord, type Unit } from "./ecu.ts";
import {
  checkImage,
  hardwareId,
  manifest,
  MAX_IMAGE_BYTES,
  signedText,
  type Verify,
} from "./image.ts";
import { JOB_STATES } from "./job.ts";
import { orderJob } from "./order.flow.ts";
import { startRunner, type Runner } from "./run.flow.ts";

/** Base64, and the digests of the smallest blocks. */
const MAX_UPLOAD_BYTES = 2 * MAX_IMAGE_BYTES;
const MAX_SIGNATURE_CHARS = 128;
const MAX_IMAGES = 100;
const FACTORY_BYTES = 8_192;
const MAX_OBD_LINES = 64;

const vehicleId = z.string().regex(/^[A-Z0-9]{5,17}$/, "5 to 17 of A-Z and 0-9");
const imageId = z.string().regex(/^[0-9a-f]{64}$/, "64 hex digits");
const base64 = (chars: number) => z.base64().max(chars);
const conditions = z.strictObject({
  batteryVolts: z.number().min(0).max(60),
  ignitionOn: z.boolean(),
  engineOn: z.boolean(),
});
const order = z
  .strictObject({
    vehicle: vehicleId,
    image: imageId,
    conditions: conditions.optional(),
    obdLines: z.array(z.string().max(128)).min(1).max(MAX_OBD_LINES).optional(),
  })
  .refine((said) => (said.conditions === undefined) !== (said.obdLines === undefined), {
    path: ["conditions"],
    message: "conditions or obdLines: exactly one of them",
  });
const job = z.strictObject({
  id: z.uuid(),
  vehicle: vehicleId,
  image: imageId,
  state: z.enum(JOB_STATES),
  nextBlock: z.int(),
  blocks: z.int(),
  why: z.string().nullable(),
});
const vehicle = z.strictObject({
  vehicle: vehicleId,
  hardware: z.string(),
  version: z.string(),
  counter: z.int(),
  bank: z.enum(["bank-a", "bank-b"]),
  sha256: z.string(),
});
const image = z.strictObject({
  id: imageId,
  product: z.string(),
  version: z.string(),
  hardware: z.array(z.string()),
  counter: z.int(),
  blocks: z.int(),
});

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export const ecuFlash: Service = {
  id: "ecu-flash",
  title: "ECU Flash Service",
  dependencies: ["api-gateway", "obd2"],
  open: async (frame) => {
    const beside = path.join(frame.env.dataDir, "..");
    const keys = await trustedKeys(path.join(beside, "ecu-flash-keys"));
    if (keys.length === 0) frame.log.warn("no key is trusted: no image is taken");
    const isTrusted: Verify = (text, signature) =>
      keys.some((key) => verify(null, Buffer.from(text), key, Buffer.from(signature, "base64")));
    const db = frame.database(store.DDL);
    const unitOf = async (id: string): Promise<Unit> => {
      const flash = await fileFlash(frame, path.join(beside, "ecu-flash-units", id));
      return unitOn(flash, { sha256, verify: isTrusted });
    };
    const ended = frame.meter.createCounter("ecu_flash.jobs", { unit: "{job}" });
    const runner = startRunner({
      ...{ db, unitOf, log: frame.log, owner: frame.env.instance },
      ended: (outcome) => ended.add(1, { service: "ecu-flash", outcome }),
    });
    const routes: readonly Route[] = [
      ...imageRoutes(db, isTrusted),
      ...vehicleRoutes(db, unitOf),
      ...jobRoutes(db, runner, orderJob({ db, call: frame.call, unitOf })),
    ];
    return {
      routes,
      checks: { database: databaseCheck(db) },
      close: async () => {
        await runner.stop();
        await db.close();
      },
    };
  },
};

type Db = Parameters<typeof databaseCheck>[0];

const RAW_KEY_BYTES = 32;
/** What comes before the raw key in its SPKI form (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const trustedKeys = async (file: string): Promise<readonly KeyObject[]> => {
  const text = await readFile(file, "utf8").catch((fault: NodeJS.ErrnoException) => {
    if (fault.code === "ENOENT") return "";
    throw fault;
  });
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, nth) => {
    const raw = Buffer.from(line, "base64");
    if (raw.length !== RAW_KEY_BYTES)
      throw new Error(`${file}, line ${nth + 1}: not ${RAW_KEY_BYTES} bytes of key in base64`);
    const key = Buffer.concat([SPKI_PREFIX, raw]);
    return createPublicKey({ key, format: "der", type: "spki" });
  });
};

const shown = ({ id, manifest }: store.Image): z.input<typeof image> => {
  const { product, version, hardware, counter, blocks } = manifest;
  return { id, product, version, hardware, counter, blocks: blocks.length };
};

const imageRoutes = (db: Db, isTrusted: Verify): readonly Route[] => [
  route({
    method: "POST",
    path: "/images",
    summary: "A signed image; the same one twice is one",
    maxBodyBytes: MAX_UPLOAD_BYTES,
    body: z.strictObject({
      manifest,
      signature: base64(MAX_SIGNATURE_CHARS),
      content: base64(MAX_UPLOAD_BYTES),
    }),
    answer: image,
    status: 201,
    refusals: { 422: "bad_signature, bad_image: the field that does not fit" },
    handler: async ({ body }) => {
      const content = Buffer.from(body.content, "base64");
      const deps = { sha256, verify: isTrusted };
      const checked = checkImage(deps, body.manifest, body.signature, content);
      if (!checked.ok)
        return refuse(checked.error.code, 422, checked.error.message, checked.error.field);
      const id = sha256(Buffer.from(signedText(body.manifest)));
      const made = { id, manifest: body.manifest, signature: body.signature };
      await store.addImage(db, made, content);
      return ok(shown(made));
    },
  }),
  route({
    method: "GET",
    path: "/images",
    summary: "The images, the newest first",
    answer: z.strictObject({ items: z.array(image) }),
    handler: async () => ok({ items: (await store.listImages(db, MAX_IMAGES)).map(shown) }),
  }),
];

const described = (id: string, record: BootRecord): z.input<typeof vehicle> => {
  const { hardware, version, counter, bank, sha256 } = record;
  return { vehicle: id, hardware, version, counter, bank, sha256 };
};

/** What a unit of this hardware leaves the factory with. */
const factoryFirmware = (hardware: string): Uint8Array =>
  createHash("shake256", { outputLength: FACTORY_BYTES }).update(hardware).digest();

const vehicleRoutes = (db: Db, unitOf: (vehicle: string) => Promise<Unit>): readonly Route[] => [
  route({
    method: "POST",
    path: "/vehicles",
    summary: "A vehicle and its unit; known ones stay as they are",
    body: z.strictObject({ vehicle: vehicleId, hardware: hardwareId }),
    answer: vehicle,
    status: 201,
    refusals: { 409: "The vehicle is known with another hardware" },
    handler: async ({ body }) =>
      store.withVehicle(db, body.vehicle, body.hardware, async (hardware) => {
        if (hardware !== body.hardware)
          return problem("conflict", `hardware: ${body.vehicle} has ${hardware}`, {
            field: "hardware",
          });
        const unit = await unitOf(body.vehicle);
        const now = await unit.boot();
        if (now.ok) return ok(described(body.vehicle, now.value));
        // A unit that once started is never made anew: that would hide that it was lost.
        if (!(await unit.isBlank())) return refuse("not_started", 500, now.error.message);
        const made = await unit.manufacture(hardware, factoryFirmware(hardware));
        return ok(described(body.vehicle, made));
      }),
  }),
  route({
    method: "GET",
    path: "/vehicles/:vehicle",
    summary: "What the vehicle's unit starts with",
    params: z.strictObject({ vehicle: vehicleId }),
    answer: vehicle,
    refusals: { 404: "The vehicle is not known" },
    handler: async ({ params }) => {
      const known = await store.hardwareOf(db, params.vehicle);
      if (known === undefined) return problem("not_found", `vehicle: ${params.vehicle} is unknown`);
      const now = await (await unitOf(params.vehicle)).boot();
      return now.ok
        ? ok(described(params.vehicle, now.value))
        : refuse("not_started", 500, now.error.message);
    },
  }),
];

const jobRoutes = (
  db: Db,
  runner: Runner,
  orderOne: ReturnType<typeof orderJob>,
): readonly Route[] => [
  route({
    method: "POST",
    path: "/jobs",
    summary: "Flashes an image into a vehicle's unit",
    body: order,
    answer: job,
    status: 202,
    refusals: {
      404: "The image or the vehicle is not known",
      409: "older_version, or the vehicle has a job that is not over",
      422: "precondition_failed, wrong_hardware, no_reading",
    },
    handler: async ({ body, caller }) => {
      const made = await orderOne({ id: randomUUID(), ...body }, caller);
      if (made.ok) runner.wake();
      return made;
    },
  }),
  route({
    method: "GET",
    path: "/jobs/:id",
    summary: "How far a job is",
    params: z.strictObject({ id: z.uuid() }),
    answer: job,
    refusals: { 404: "There is none of that id, of this caller" },
    handler: async ({ params, caller }) => {
      const found = await store.findJob(db, params.id, caller.user);
      return found === undefined ? problem("not_found", `no job ${params.id}`) : ok(found);
    },
  }),
  route({
    method: "DELETE",
    path: "/jobs/:id",
    summary: "Gives a job up, before its last block; the unit keeps what it has",
    params: z.strictObject({ id: z.uuid() }),
    answer: job,
    refusals: { 404: "There is none of that id", 409: "It is over, or at its end" },
    handler: async ({ params, caller }) => {
      const found = await store.findJob(db, params.id, caller.user);
      if (found === undefined) return problem("not_found", `no job ${params.id}`);
      if (!(await store.cancel(db, params.id)))
        return problem("conflict", `job ${params.id} is ${found.state}: too late`);
      return ok({ ...found, state: "canceled" as const });
    },
  }),
];
