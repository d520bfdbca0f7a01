/**
 * Chooses the user PostgreSQL runs as: it refuses root.
 *
 * An ordinary user runs it directly. Root runs it inside a user namespace where the kernel allows
 * one, else under an existing unprivileged account, with the data and a copy of the binaries in a
 * folder that account can reach. Where none works the error names DATABASE_URL.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chown, cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type Runner = {
  readonly how: "direct" | "user-namespace" | "account";
  /** Words that come before the program. */
  readonly prefix: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
  readonly dataDir: string;
  /** Root of the binaries, where they had to be copied. */
  readonly binariesRoot?: string;
};

type Account = { readonly name: string; readonly uid: number; readonly gid: number };
const ACCOUNTS = ["postgres", "nobody", "daemon"];
const SHARED_ROOT = "/var/lib/novaevo";

export const chooseRunner = async (options: {
  readonly dataDir: string;
  readonly binariesRoot: () => string;
  /** For tests of the fallback: pretend the kernel forbids user namespaces. */
  readonly forbidNamespaces?: boolean;
}): Promise<Runner> => {
  if (process.getuid?.() !== 0) {
    return { how: "direct", prefix: [], identity: {}, dataDir: options.dataDir };
  }
  const account = await unprivilegedAccount();
  if (account === undefined) {
    throw new Error(
      "PostgreSQL refuses to run as root and /etc/passwd has no unprivileged account " +
        `(${ACCOUNTS.join(", ")}); set DATABASE_URL to use a PostgreSQL of your own`,
    );
  }
  const prefix = ["unshare", "--user", `--map-user=${account.uid}`];
  if (options.forbidNamespaces !== true && (await works(prefix))) {
    return { how: "user-namespace", prefix, identity: {}, dataDir: options.dataDir };
  }
  return asAccount(account, options.dataDir, options.binariesRoot());
};

const unprivilegedAccount = async (): Promise<Account | undefined> => {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const accounts = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid }) => uid > 0);
  return ACCOUNTS.map((name) => accounts.find((one) => one.name === name)).find(
    (one) => one !== undefined,
  );
};

const works = async ([program = "", ...words]: readonly string[]): Promise<boolean> =>
  run(program, [...words, "true"]).then(
    () => true,
    () => false,
  );

const asAccount = async (account: Account, dataDir: string, source: string): Promise<Runner> => {
  // One folder per installation, so that two data folders never share a database.
  const id = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  const home = path.join(SHARED_ROOT, id);
  await mkdir(home, { recursive: true, mode: 0o755 });
  const binariesRoot = await copyOf(source);
  const moved = path.join(home, "data");
  await mkdir(moved, { recursive: true, mode: 0o700 });
  await chown(moved, account.uid, account.gid);
  return {
    how: "account",
    prefix: [],
    identity: { uid: account.uid, gid: account.gid },
    dataDir: moved,
    binariesRoot,
  };
};

/** One copy for all installations, complete or not there, and another one for another version. */
const copyOf = async (source: string): Promise<string> => {
  const described = await readFile(path.join(source, "package.json"), "utf8");
  const { version } = JSON.parse(described) as { version: string };
  const copy = path.join(SHARED_ROOT, `postgresql-${version}`);
  if (await exists(copy)) return copy;
  const draft = `${copy}.${process.pid}`;
  await cp(source, draft, { recursive: true, dereference: true });
  try {
    await rename(draft, copy);
  } catch (fault) {
    await rm(draft, { recursive: true, force: true });
    // Somebody was faster.
    if (!(await exists(copy))) throw fault;
  }
  return copy;
};

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
