/**
 * The ledger's signing key in the data directory, made at first start, and its public half beside
 * it for whoever verifies (`ledger-key.pub`, one line of the form name+keyid+base64).
 *
 * The log's name carries the key's fingerprint, so two installations never sign under one name.
 * Errors: throws when the key is unreadable, readable by others, or not an Ed25519 key.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createSecretFile, readSecretFile } from "../../io/secret/secret-file.ts";
import { formatVerifierKey, parseVerifierKey } from "../note.ts";
import type { Signer, Verifier } from "../note.ts";
import { newSigningKey, sha256, signerOf, verifierOf } from "./node-crypto.ts";

const KEY_FILE = "ledger-key.pem";
const PUBLIC_KEY_FILE = "ledger-key.pub";
const FINGERPRINT_CHARS = 16;

export const openLedgerKey = async (dataDir: string): Promise<Signer> => {
  const file = path.join(dataDir, KEY_FILE);
  const pem = (await readSecretFile(file)) ?? (await createSecretFile(file, newSigningKey()));
  const signer = parsed(file, pem);
  await writeFile(path.join(dataDir, PUBLIC_KEY_FILE), `${formatVerifierKey(signer.key)}\n`);
  return signer;
};

/** The public key alone, for a verifier that must not need the private one. */
export const readLedgerVerifier = async (dataDir: string): Promise<Verifier | undefined> => {
  const file = path.join(dataDir, PUBLIC_KEY_FILE);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const key = parseVerifierKey(sha256, text);
  if (!key.ok) throw new Error(`${file}: the public key ${key.error}`);
  return verifierOf(key.value);
};

const parsed = (file: string, pem: string): Signer => {
  try {
    return signerOf(pem, (publicKey) => `novaevo/ledger/${fingerprint(publicKey)}`);
  } catch (fault) {
    throw new Error(`${file} is not a usable ledger key: ${String(fault)}`, { cause: fault });
  }
};

const fingerprint = (publicKey: Uint8Array): string =>
  Buffer.from(sha256(publicKey)).toString("hex").slice(0, FINGERPRINT_CHARS);
