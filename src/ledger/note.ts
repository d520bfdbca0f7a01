/**
 * The signed head of the ledger: who says that the tree of so many entries has this root.
 *
 * Shape:  a C2SP signed note whose text is a checkpoint: origin, size, root. Anybody's tools for
 *         transparency logs can read it, and witnesses can sign it too. A public key is written
 *         `name+keyid+base64`.
 * Errors: `openCheckpoint` and `parseVerifierKey` say in words what is wrong; signing a malformed
 *         checkpoint throws.
 * Source: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
 */
import { err, ok } from "../kernel/result.ts";
import type { Result } from "../kernel/result.ts";
import { equalHashes } from "./merkle.ts";
import type { Hash, Sha256 } from "./merkle.ts";

export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Hash };
export type Signer = {
  readonly key: NamedKey;
  readonly sign: (text: Uint8Array) => Uint8Array;
};
export type Verifier = {
  readonly key: NamedKey;
  readonly verify: (text: Uint8Array, signature: Uint8Array) => boolean;
};
/** An Ed25519 public key, the name it signs under, and the id the two have together. */
export type NamedKey = {
  readonly name: string;
  readonly id: Uint8Array;
  readonly publicKey: Uint8Array;
};

/** A place outside the database that remembers the last signed head. */
export type HeadMemory = {
  readonly read: () => Promise<string | undefined>;
  readonly write: (note: string) => Promise<void>;
};

export const MAX_NOTE_LENGTH = 16 * 1024;
const MAX_SIGNATURES = 100;
const ED25519 = 1;
const KEY_ID_BYTES = 4;
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;
const ROOT_BYTES = 32;
const NAME = /^[^\s+]+$/u;
const SIZE = /^(?:0|[1-9]\d{0,15})$/;
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;

export const namedKey = (sha256: Sha256, name: string, publicKey: Uint8Array): NamedKey => {
  if (!NAME.test(name)) throw new Error(`"${name}" cannot name a key: no spaces, no plus sign`);
  const text = utf8(`${name}\n`);
  const bytes = Uint8Array.of(...text, ED25519, ...publicKey);
  return { name, publicKey, id: sha256(bytes).slice(0, KEY_ID_BYTES) };
};

export const formatVerifierKey = (key: NamedKey): string =>
  `${key.name}+${toHex(key.id)}+${toBase64(Uint8Array.of(ED25519, ...key.publicKey))}`;

export const parseVerifierKey = (sha256: Sha256, text: string): Result<NamedKey, string> => {
  const [name = "", id = "", ...rest] = text.trim().split("+");
  const bytes = fromBase64(rest.join("+"));
  if (!NAME.test(name) || id === "" || bytes === undefined) {
    return err("is not of the form name+keyid+base64");
  }
  if (bytes[0] !== ED25519 || bytes.length !== 1 + ED25519_KEY_BYTES) {
    return err("is not an Ed25519 key");
  }
  const key = namedKey(sha256, name, bytes.slice(1));
  return toHex(key.id) === id ? ok(key) : err("its id does not belong to its name and key");
};

export const signCheckpoint = (signer: Signer, checkpoint: Checkpoint): string => {
  if (!NAME.test(checkpoint.origin)) throw new Error("a checkpoint's origin has no spaces");
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${toBase64(checkpoint.root)}\n`;
  const signature = Uint8Array.of(...signer.key.id, ...signer.sign(utf8(text)));
  return `${text}\n— ${signer.key.name} ${toBase64(signature)}\n`;
};

/** The checkpoint of a note that at least one of our keys signed, and none of them disowns. */
export const openCheckpoint = (
  verifiers: readonly Verifier[],
  note: string,
): Result<Checkpoint, string> => {
  if (note.length > MAX_NOTE_LENGTH) return err(`is longer than ${MAX_NOTE_LENGTH} characters`);
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) return err("is not a signed note");
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) return err(`has more than ${MAX_SIGNATURES} signatures`);
  let known = 0;
  for (const line of lines) {
    const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = encoded === undefined ? undefined : fromBase64(encoded);
    if (bytes === undefined || bytes.length <= KEY_ID_BYTES) {
      return err("has a malformed signature line");
    }
    const id = bytes.slice(0, KEY_ID_BYTES);
    const verifier = verifiers.find((v) => v.key.name === name && equalHashes(v.key.id, id));
    if (verifier === undefined) continue;
    const signature = bytes.slice(KEY_ID_BYTES);
    if (signature.length !== ED25519_SIGNATURE_BYTES || !verifier.verify(utf8(text), signature)) {
      return err(`its signature by ${verifier.key.name} is not genuine`);
    }
    known += 1;
  }
  return known === 0 ? err("is not signed by the ledger's key") : parseCheckpoint(text);
};

const parseCheckpoint = (text: string): Result<Checkpoint, string> => {
  const [origin = "", sizeText = "", rootText = ""] = text.split("\n");
  const size = Number(sizeText);
  const root = fromBase64(rootText);
  if (!NAME.test(origin)) return err("has no origin");
  if (!SIZE.test(sizeText) || !Number.isSafeInteger(size)) return err("has no size");
  if (root?.length !== ROOT_BYTES) return err("has no root of 32 bytes");
  return ok({ origin, size, root });
};

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** Undefined unless the text is exactly what `toBase64` writes. */
export const fromBase64 = (text: string): Uint8Array | undefined => {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
};

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
