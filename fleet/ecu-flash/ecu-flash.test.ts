/** The ECU Flash Service through its own HTTP, with a real database and units in real files. */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDb } from "../../test/postgres.ts";
import { openApiFaults, spawnForTest, startForTest, type Lab } from "../frame/lab.ts";
import { obd2 } from "../obd2/obd2.routes.ts";
import { ecuFlash } from "./ecu-flash.routes.ts";
import { manifestOf, signedText, type Manifest } from "./image.ts";

const PATIENCE = { timeout: 30_000, interval: 10 };
const keys = generateKeyPairSync("ed25519");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What a release sends: the manifest, its signature, the bytes. */
const release = (
  more: Partial<Pick<Manifest, "version" | "counter" | "hardware" | "blockBytes">>,
  sizeBytes = 10_000,
) => {
  const bytes = createHash("shake256", { outputLength: sizeBytes })
    .update(JSON.stringify(more))
    .digest();
  const of = {
    product: "box",
    version: "1.1.0",
    hardware: ["BOX-2"],
    counter: 1,
    blockBytes: 1024,
  };
  const manifest = manifestOf(sha256, bytes, { ...of, ...more });
  const signature = sign(null, Buffer.from(signedText(manifest)), keys.privateKey);
  return {
    manifest,
    signature: signature.toString("base64"),
    content: bytes.toString("base64"),
  };
};

let root: string;
let databaseUrl: string;
let lab: Lab;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "novaevo-ecu-"));
  const raw = keys.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  await writeFile(path.join(root, "ecu-flash-keys"), `${raw.toString("base64")}\n`);
  await mkdir(path.join(root, "one"));
  const db = await testDb({ max: 1 });
  await db.close();
  databaseUrl = db.connectionString;
  lab = await startForTest(ecuFlash, { databaseUrl, dataDir: path.join(root, "one") });
});
afterAll(async () => {
  await lab.stop();
  await rm(root, { recursive: true, force: true });
});

const GOOD = { batteryVolts: 12.6, ignitionOn: true, engineOn: false };
let lastVehicle = 0;
const vehicle = async (hardware = "BOX-2"): Promise<string> => {
  const id = `VF1AA${String((lastVehicle += 1)).padStart(6, "0")}`;
  const made = await lab.call("POST", "/ecu-flash/vehicles", { vehicle: id, hardware });
  expect(made).toMatchObject({ status: 201, body: { version: "1.0.0", bank: "bank-a" } });
  return id;
};
const image = async (of = release({})): Promise<string> => {
  const made = await lab.call("POST", "/ecu-flash/images", of);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.id;
};
const stateOf = async (id: string) => (await lab.call("GET", `/ecu-flash/jobs/${id}`)).body;

describe("a job", () => {
  test("brings the image into the other bank, and its repetition is an older version", async () => {
    const order = { vehicle: await vehicle(), image: await image(), conditions: GOOD };
    const made = await lab.call("POST", "/ecu-flash/jobs", order);
    expect(made).toMatchObject({ status: 202, body: { state: "queued", blocks: 10 } });
    await expect.poll(() => stateOf(made.body.id), PATIENCE).toMatchObject({ state: "done" });
    expect((await lab.call("GET", `/ecu-flash/vehicles/${order.vehicle}`)).body).toMatchObject({
      ...{ version: "1.1.0", counter: 1, bank: "bank-b", sha256: release({}).manifest.sha256 },
    });
    const again = await lab.call("POST", "/ecu-flash/jobs", order);
    expect(again).toMatchObject({ status: 409, body: { error: { code: "older_version" } } });
    const late = await lab.call("DELETE", `/ecu-flash/jobs/${made.body.id}`);
    expect(late).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
  });

  test.each([
    [{ ...GOOD, batteryVolts: 12.1 }, "conditions.batteryVolts", "12.2"],
    [{ ...GOOD, ignitionOn: false }, "conditions.ignitionOn", "true"],
    [{ ...GOOD, engineOn: true }, "conditions.engineOn", "false"],
  ])("with %j is refused by %s", async (conditions, field, limit) => {
    const order = { vehicle: await vehicle(), image: await image(), conditions };
    const answer = await lab.call("POST", "/ecu-flash/jobs", order);
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { code: "precondition_failed", field } },
    });
    expect(answer.body.error.message).toContain(limit);
  });

  test("for another hardware, an unknown image or vehicle, or without conditions is refused", async () => {
    const good = { vehicle: await vehicle("BOX-3"), image: await image(), conditions: GOOD };
    const order = async (more: object) => {
      const { status, body } = await lab.call("POST", "/ecu-flash/jobs", { ...good, ...more });
      return `${status} ${body.error.code} ${body.error.field}`;
    };
    expect(await order({})).toBe("422 wrong_hardware image");
    expect(await order({ image: "0".repeat(64) })).toBe("404 not_found image");
    expect(await order({ vehicle: "VF1ZZ999999" })).toBe("404 not_found vehicle");
    expect(await order({ conditions: undefined })).toBe("400 bad_request conditions");
    expect(await order({ vehicle: "../etc" })).toBe("400 bad_request vehicle");
  });

  test("waits while the disk is full, and goes on from where the unit is", async () => {
    const order = { vehicle: await vehicle(), image: await image(), conditions: GOOD };
    await lab.fault({ kind: "disk-full" });
    const made = await lab.call("POST", "/ecu-flash/jobs", order);
    await expect.poll(() => stateOf(made.body.id), PATIENCE).toMatchObject({ state: "flashing" });
    const second = await lab.call("POST", "/ecu-flash/jobs", order);
    expect(second).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
    await lab.liftFaults();
    await expect.poll(() => stateOf(made.body.id), PATIENCE).toMatchObject({ state: "done" });
  });

  test("given up leaves the unit as it was", async () => {
    const order = { vehicle: await vehicle(), image: await image(), conditions: GOOD };
    await lab.fault({ kind: "disk-full" });
    const made = await lab.call("POST", "/ecu-flash/jobs", order);
    const where = `/ecu-flash/jobs/${made.body.id}`;
    expect((await lab.call("DELETE", where)).body.state).toBe("canceled");
    await lab.liftFaults();
    const there = await lab.call("GET", `/ecu-flash/vehicles/${order.vehicle}`);
    expect(there.body.version).toBe("1.0.0");
    expect((await lab.call("GET", where, undefined, { "x-user": "other" })).status).toBe(404);
  });
});

describe("an image", () => {
  test("that nobody trusted signed, or that is not what was signed, is refused", async () => {
    const good = release({ counter: 5 });
    const send = async (more: object) => {
      const { status, body } = await lab.call("POST", "/ecu-flash/images", { ...good, ...more });
      return `${status} ${body.error?.code} ${body.error?.field}`;
    };
    const bent = { ...good.manifest, counter: 6 };
    expect(await send({ manifest: bent })).toBe("422 bad_signature signature");
    const other = release({ counter: 7 });
    expect(await send({ content: other.content })).toBe("422 bad_image manifest.blocks[0]");
    expect(await send({ content: "%" })).toBe("400 bad_request content");
    expect(await send({})).toBe("201 undefined undefined");
    const { items } = (await lab.call("GET", "/ecu-flash/images")).body;
    expect(items.filter(({ counter }: { counter: number }) => counter >= 5)).toHaveLength(1);
  });
});

test("a vehicle stays what it is: the same again is the same, another hardware a conflict", async () => {
  const id = await vehicle();
  const again = await lab.call("POST", "/ecu-flash/vehicles", { vehicle: id, hardware: "BOX-2" });
  expect(again.status).toBe(201);
  const other = await lab.call("POST", "/ecu-flash/vehicles", { vehicle: id, hardware: "BOX-9" });
  expect(other).toMatchObject({ status: 409, body: { error: { field: "hardware" } } });
});

describe("what a dongle printed", () => {
  test("is read by the OBD-II Service; without it, conditions have to be given", async () => {
    const reader = await startForTest(obd2, { databaseUrl });
    const dataDir = path.join(root, "two");
    const told = await startForTest(ecuFlash, { databaseUrl, dataDir, gatewayUrl: reader.url });
    const order = { vehicle: await vehicle(), image: await image() };
    const ask = async (...obdLines: readonly string[]) => {
      const { status, body } = await told.call("POST", "/ecu-flash/jobs", { ...order, obdLines });
      return `${status} ${body.error?.field ?? body.state ?? body.error.code}`;
    };
    expect(await ask("41 42 2E E0", "41 0C 0C 80")).toBe("422 conditions.batteryVolts");
    expect(await ask("41 42 36 B0", "41 0C 0C 80")).toBe("422 conditions.engineOn");
    expect(await ask("41 42 36 B0")).toBe("422 obdLines");
    expect(await ask("41 4")).toBe("422 obdLines");
    expect(await ask("41 42 32 00", "41 0C 00 00")).toBe("202 queued");
    await told.fault({ kind: "partition", delayMs: 1 });
    await reader.stop();
    await told.liftFaults();
    expect(await ask("41 42 32 00", "41 0C 00 00")).toBe("503 unavailable");
    await told.stop();
  });
});

test("its OpenAPI is one a client can be made from", async () => {
  const document = (await lab.call("GET", "/openapi.json")).body;
  expect(openApiFaults(document)).toEqual([]);
  expect(Object.keys(document.paths)).toHaveLength(5);
});

test("killed again and again in the middle, a job goes on to its end; never a half-flashed unit", async () => {
  const own = await testDb({ max: 1 });
  await own.close();
  const env = {
    FLEET_DATABASE_URL: own.connectionString,
    FLEET_DATA_DIR: path.join(root, "killed"),
  };
  const big = release({ counter: 3, blockBytes: 256 }, 1_000 * 256);
  const old = sha256(createHash("shake256", { outputLength: 8_192 }).update("BOX-2").digest());
  let child = await spawnForTest("ecu-flash", env);
  const told = { vehicle: "VF1KILLED0001", hardware: "BOX-2" };
  await child.call("POST", "/ecu-flash/vehicles", told);
  const { id } = (await child.call("POST", "/ecu-flash/images", big)).body;
  const order = { vehicle: told.vehicle, image: id, conditions: GOOD };
  const made = await child.call("POST", "/ecu-flash/jobs", order);
  const job = async () => (await child.call("GET", `/ecu-flash/jobs/${made.body.id}`)).body;
  const seen: string[] = [];
  const noted: number[] = [];
  for (const at of [20, 90, 200]) {
    await expect.poll(async () => (await job()).nextBlock, PATIENCE).toBeGreaterThan(at);
    expect(await child.end("SIGKILL")).toBeNull();
    child = await spawnForTest("ecu-flash", env);
    seen.push((await child.call("GET", `/ecu-flash/vehicles/${told.vehicle}`)).body.sha256);
    noted.push((await job()).nextBlock);
  }
  expect(seen.every((one) => one === old || one === big.manifest.sha256)).toBe(true);
  // The first kill was in the middle; each time it went on, and did not begin again.
  expect(seen[0]).toBe(old);
  expect(noted.every((next, nth) => next > [20, 90, 200][nth]!)).toBe(true);
  await expect.poll(async () => (await job()).state, PATIENCE).toBe("done");
  const there = await child.call("GET", `/ecu-flash/vehicles/${told.vehicle}`);
  expect(there.body).toMatchObject({ counter: 3, sha256: big.manifest.sha256 });
  expect(await child.end("SIGTERM")).toBe(0);
});
