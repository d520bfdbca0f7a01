/**
 * A firmware image: a manifest that is signed, and the bytes that the manifest's digests prove.
 *
 * Shape:  the signature is Ed25519 over the manifest's canonical JSON; the manifest has the SHA-256
 *         of each block and of the whole, the hardware it is for, its version and an anti-rollback
 *         counter that only rises. `sign`, `verify` and `sha256` come from outside.
 * Units:  bytes.
 * Errors: values: `bad_signature`, `bad_image` with the field that does not fit.
 * Source: RFC 8032 (Ed25519), RFC 8785 (canonical JSON).
 */
import { z } from "zod";
import { canonicalJson } from "../../src/kernel/canonical.ts";
import { err, ok, type Result } from "../../src/kernel/result.ts";

export const MAX_IMAGE_BYTES = 1024 * 1024;
const MIN_BLOCK_BYTES = 256;
const MAX_BLOCK_BYTES = 64 * 1024;
const MAX_BLOCKS = 4_096;
const MAX_HARDWARE = 32;

const digest = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in 64 lower-case hex digits");
export const hardwareId = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9-]{1,31}$/, "2 to 32 of A-Z, 0-9 and '-'");

export const manifest = z.strictObject({
  product: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "1 to 32 of a-z, 0-9 and '-'"),
  version: z.string().regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/, "three numbers with dots"),
  hardware: z.array(hardwareId).min(1).max(MAX_HARDWARE),
  counter: z
    .int()
    .min(1)
    .max(2 ** 31),
  sizeBytes: z.int().min(1).max(MAX_IMAGE_BYTES),
  blockBytes: z.int().min(MIN_BLOCK_BYTES).max(MAX_BLOCK_BYTES),
  blocks: z.array(digest).min(1).max(MAX_BLOCKS),
  sha256: digest,
});
export type Manifest = z.output<typeof manifest>;

export type Hash = (bytes: Uint8Array) => string;
export type Verify = (text: string, signature: string) => boolean;

export type ImageFault = {
  readonly code: "bad_signature" | "bad_image";
  readonly message: string;
  readonly field: string;
};

/** What is signed. */
export const signedText = (of: Manifest): string => {
  const text = canonicalJson(of);
  if (!text.ok) throw new Error(`a manifest has a canonical text: ${text.error.why}`);
  return text.value;
};

export const blockOf = (of: Manifest, bytes: Uint8Array, nth: number): Uint8Array =>
  bytes.subarray(nth * of.blockBytes, Math.min((nth + 1) * of.blockBytes, of.sizeBytes));

/** The signature first: what nobody vouches for is not looked at any further. */
export const checkImage = (
  deps: { readonly verify: Verify; readonly sha256: Hash },
  of: Manifest,
  signature: string,
  bytes: Uint8Array,
): Result<null, ImageFault> => {
  if (!deps.verify(signedText(of), signature))
    return err({
      code: "bad_signature",
      field: "signature",
      message: "signature: no key that is trusted here made it over this manifest",
    });
  const bad = (field: string, message: string): Result<null, ImageFault> =>
    err({ code: "bad_image", field, message: `${field}: ${message}` });
  if (bytes.length !== of.sizeBytes)
    return bad("content", `has ${bytes.length} bytes, the manifest says ${of.sizeBytes}`);
  const due = Math.ceil(of.sizeBytes / of.blockBytes);
  if (of.blocks.length !== due)
    return bad("manifest.blocks", `${of.blocks.length} digests for ${due} blocks`);
  const wrong = of.blocks.findIndex((said, nth) => deps.sha256(blockOf(of, bytes, nth)) !== said);
  if (wrong >= 0) return bad(`manifest.blocks[${wrong}]`, "the block has another SHA-256");
  if (deps.sha256(bytes) !== of.sha256) return bad("manifest.sha256", "the whole has another");
  return ok(null);
};

/** The manifest of these bytes: what a release signs. */
export const manifestOf = (
  sha256: Hash,
  bytes: Uint8Array,
  of: Pick<Manifest, "product" | "version" | "hardware" | "counter" | "blockBytes">,
): Manifest => {
  const count = Math.ceil(bytes.length / of.blockBytes);
  const made = { ...of, sizeBytes: bytes.length, blocks: [] as string[], sha256: sha256(bytes) };
  made.blocks = Array.from({ length: count }, (_, nth) => sha256(blockOf(made, bytes, nth)));
  return made;
};
