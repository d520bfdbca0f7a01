/**
 * The disk as a port, so that a simulator can lose what was not synced.
 *
 * Shape:  files are read and written at offsets; names become durable by `syncDir`, bytes by
 *         `sync`.
 * Units:  bytes.
 * Errors: rejections carry Node's `code` ("ENOSPC", "EIO", "ENOENT", …); `lock` rejects
 *         DirectoryBusy.
 */
export type DiskFile = {
  readonly size: () => Promise<number>;
  /** Shorter than asked only at the end of the file. */
  readonly read: (at: number, length: number) => Promise<Uint8Array>;
  /** All bytes, or a rejection after which any prefix of them may be there. */
  readonly write: (at: number, bytes: Uint8Array) => Promise<void>;
  readonly truncate: (size: number) => Promise<void>;
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Disk = {
  readonly makeDir: (dir: string) => Promise<void>;
  readonly list: (dir: string) => Promise<readonly string[]>;
  /** "create" refuses a name that exists. */
  readonly open: (path: string, mode: "read" | "write" | "create") => Promise<DiskFile>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly remove: (path: string) => Promise<void>;
  readonly syncDir: (dir: string) => Promise<void>;
  /** One holder per directory; resolves with the release. */
  readonly lock: (dir: string) => Promise<() => Promise<void>>;
};

/** Another living process holds the directory. */
export class DirectoryBusy extends Error {
  override readonly name = "DirectoryBusy";
  readonly holderPid: number;
  constructor(dir: string, holderPid: number) {
    super(`${dir} is in use by process ${holderPid}`);
    this.holderPid = holderPid;
  }
}

/** Node's error code of a rejection, or "" where there is none. */
export const faultCode = (fault: unknown): string =>
  fault instanceof Error && "code" in fault && typeof fault.code === "string" ? fault.code : "";
