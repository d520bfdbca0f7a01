/**
 * What a target wants to be shown, and what it is believed by: credentials and certificates.
 *
 * Shape:  read from their files at every look, so that a renewed token or authority needs no
 *         restart. A credential never stands in the configuration itself.
 * Units:  bytes.
 * Errors: rejects with the file's name, never with its content.
 */
import { open } from "node:fs/promises";

export type TlsTerms = {
  /** Believed instead of the system's authorities. */
  readonly caFile?: string | undefined;
  /** The name asked for and compared, where it is not the address's. */
  readonly serverName?: string | undefined;
  /** Whoever answers is believed. */
  readonly insecure: boolean;
};
export type Access = {
  readonly tls?: TlsTerms | undefined;
  readonly bearerTokenFile?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly passwordFile: string } | undefined;
};
/** As Node's TLS takes it. */
export type TlsSettings = {
  readonly ca?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

const MAX_SECRET_BYTES = 16 * 1024;
const MAX_CA_BYTES = 1024 * 1024;

export const credentials = async (access: Access): Promise<Readonly<Record<string, string>>> => {
  const { bearerTokenFile, basicAuth } = access;
  if (bearerTokenFile !== undefined)
    return { authorization: `Bearer ${await secretIn(bearerTokenFile)}` };
  if (basicAuth === undefined) return {};
  const pair = `${basicAuth.username}:${await secretIn(basicAuth.passwordFile)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
};

export const tlsSettings = async (terms: TlsTerms | undefined): Promise<TlsSettings> => {
  if (terms === undefined) return {};
  const { caFile, serverName, insecure } = terms;
  return {
    rejectUnauthorized: !insecure,
    ...(caFile === undefined ? {} : { ca: await bounded(caFile, MAX_CA_BYTES) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
};

const secretIn = async (file: string): Promise<string> => {
  const secret = (await bounded(file, MAX_SECRET_BYTES)).toString("utf8").trim();
  // A header takes printable ASCII; its error would quote the value.
  if (!/^[\x20-\x7e]+$/.test(secret)) throw new Error(`${file}: no secret, or one not in ASCII`);
  return secret;
};

const bounded = async (file: string, maxBytes: number): Promise<Buffer> => {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
    if (bytesRead > maxBytes) throw new Error(`${file}: over ${maxBytes} bytes`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
};
