/** SHA-256 and Ed25519 of Node's crypto, for the cores that take them as arguments. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Sha256 } from "../merkle.ts";
import { namedKey } from "../note.ts";
import type { NamedKey, Signer, Verifier } from "../note.ts";

export const sha256: Sha256 = (data) => createHash("sha256").update(data).digest();

export const newSigningKey = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** Throws when the text is not an Ed25519 private key in PEM. */
export const signerOf = (pem: string, nameOf: (publicKey: Uint8Array) => string): Signer => {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("is not an Ed25519 key");
  const publicKey = rawPublicKey(createPublicKey(privateKey));
  return {
    key: namedKey(sha256, nameOf(publicKey), publicKey),
    sign: (text) => sign(null, text, privateKey),
  };
};

export const verifierOf = (key: NamedKey): Verifier => {
  const x = Buffer.from(key.publicKey).toString("base64url");
  const publicKey = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x } });
  return { key, verify: (text, signature) => verify(null, text, publicKey, signature) };
};

const rawPublicKey = (publicKey: KeyObject): Uint8Array => {
  const { x } = publicKey.export({ format: "jwk" });
  if (x === undefined) throw new Error("an Ed25519 public key must have a value");
  return Buffer.from(x, "base64url");
};
