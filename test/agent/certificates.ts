/**
 * Certificates as a test needs them, expired ones too: X.509 v3 written as DER, signed with P-256.
 *
 * Source: RFC 5280, sections 4.1 and 4.2; X.690 for the encoding.
 */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export type Issued = { readonly cert: string; readonly key: string };
export type Authority = Issued & { readonly issue: (leaf: Leaf) => Issued };
type Leaf = { readonly names: readonly string[]; readonly days?: number };

const DAY_MS = 86_400_000;
const OID = {
  ecdsaWithSha256: "2a8648ce3d040302",
  commonName: "550403",
  basicConstraints: "551d13",
  subjectAltName: "551d11",
} as const;

/** A root that signs leaves; `days` from now they end, negative for an end in the past. */
export const authority = (name: string): Authority => {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const from = { issuer: name, signer: keys.privateKey };
  return {
    ...issue({ ...from, subject: name, keys, names: [], days: 3_650, isAuthority: true }),
    issue: ({ names, days = 30 }) => {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      return issue({ ...from, subject: names[0]!, keys: own, names, days, isAuthority: false });
    },
  };
};

const issue = (options: {
  readonly issuer: string;
  readonly subject: string;
  readonly signer: KeyObject;
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly names: readonly string[];
  readonly days: number;
  readonly isAuthority: boolean;
}): Issued => {
  const { issuer, subject, signer, keys, names, days, isAuthority } = options;
  const untilMs = Date.now() + days * DAY_MS;
  const fromMs = Math.min(Date.now(), untilMs) - DAY_MS;
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const alternatives = names.map((name) =>
    // [2] is a DNS name, [7] an address.
    /^[\d.]+$/.test(name)
      ? der(0x87, Buffer.from(name.split(".").map(Number)))
      : der(0x82, Buffer.from(name)),
  );
  const extensions = [
    extension(OID.basicConstraints, sequence(...(isAuthority ? [der(0x01, [0xff])] : []))),
    ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...alternatives))] : []),
  ];
  const body = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, [1 + Math.floor(Math.random() * 100), 1 + Math.floor(Math.random() * 200)]),
    algorithm,
    nameOf(issuer),
    sequence(time(fromMs), time(untilMs)),
    nameOf(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", body, signer)]);
  const bytes = sequence(body, algorithm, der(0x03, signature));
  const lines = bytes.toString("base64").match(/.{1,64}/g)!;
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};

const der = (tag: number, content: Uint8Array | readonly number[]): Buffer => {
  const bytes = Buffer.from(content);
  const size = bytes.length;
  const head =
    size < 128 ? [tag, size] : size < 256 ? [tag, 0x81, size] : [tag, 0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
};
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), der(0x04, value));
const nameOf = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from(name)))));
/** GeneralizedTime, to the second. */
const time = (ms: number): Buffer =>
  der(
    0x18,
    Buffer.from(
      `${new Date(ms)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .replace("Z", "")}Z`,
    ),
  );
