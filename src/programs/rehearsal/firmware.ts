/**
 * The rehearsal's firmware: a signing key of its own, and one release of it for the units of the
 * simulated cars.
 *
 * Shape:  the private key stays in the rehearsal's folder (0600); its public half is what ECU Flash
 *         trusts, one a line; the release is the body of its door for images.
 * Units:  bytes.
 * Errors: those of the disk.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createSecretFile } from "../../io/secret/secret-file.ts";
import { canonicalJson } from "../../kernel/canonical.ts";

const SIZE_BYTES = 24 * 1024;
const BLOCK_BYTES = 1024;
const RAW_KEY_BYTES = 32;
/** What the simulated cars have. */
const HARDWARE = "BOX-2";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Writes the trusted key beside the units and the signed release to `releaseFile`. */
export const prepareFirmware = async (at: {
  readonly dir: string;
  readonly instancesDir: string;
  readonly releaseFile: string;
}): Promise<void> => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const made = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  // What was there stays: units trust the key they were made with.
  const key = createPrivateKey(await createSecretFile(path.join(at.dir, "firmware-key.pem"), made));
  // Of the key that is there, not of the one just drawn.
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-RAW_KEY_BYTES);
  await mkdir(at.instancesDir, { recursive: true });
  await writeFile(path.join(at.instancesDir, "ecu-flash-keys"), `${raw.toString("base64")}\n`);
  await writeFile(at.releaseFile, JSON.stringify(releaseBy(key)));
};

const releaseBy = (key: KeyObject) => {
  // Bytes that look like a program and are the same each time.
  const bytes = createHash("shake256", { outputLength: SIZE_BYTES }).update("box 1.1.0").digest();
  const blocks = Array.from({ length: SIZE_BYTES / BLOCK_BYTES }, (_, nth) =>
    sha256(bytes.subarray(nth * BLOCK_BYTES, (nth + 1) * BLOCK_BYTES)),
  );
  const manifest = {
    ...{ product: "obd-box", version: "1.1.0", hardware: [HARDWARE], counter: 2 },
    ...{ sizeBytes: SIZE_BYTES, blockBytes: BLOCK_BYTES, blocks, sha256: sha256(bytes) },
  };
  const text = canonicalJson(manifest);
  if (!text.ok) throw new Error(`a manifest has a canonical text: ${text.error.why}`);
  const signature = sign(null, Buffer.from(text.value), key).toString("base64");
  return { manifest, signature, content: bytes.toString("base64") };
};
