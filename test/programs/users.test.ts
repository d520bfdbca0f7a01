/**
 * Who may start it, and on what disk: as root with and without user namespaces, as an ordinary
 * user, on a full and on a read-only disk. Needs root; elsewhere skipped, by its name.
 */
import { chmod, chown, mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { endAll, get, ready, removed, run, startUp, temporary, type Up } from "./lab.ts";

/** Programs on a machine that is busy with other tests: slow is not wrong. */
vi.setConfig({ testTimeout: 180_000 });

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const SKIPPED = isRoot ? "" : " (skipped: needs root)";
/** Of no line in /etc/passwd. */
const NAMELESS = 54_321;
const as = (id: number): readonly string[] => [
  ...["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups"],
];
const AS_NOBODY = as(NOBODY);
/** Mounts a small disk for one command, seen by nobody else. */
const onDisk = (dir: string, options: string): readonly string[] => [
  ...["unshare", "-m", "sh", "-c"],
  `mount -t tmpfs -o ${options} tmpfs "${dir}" && exec "$@"`,
  "sh",
];

describe.skipIf(!isRoot)(`users and disks${SKIPPED}`, () => {
  let root: string;
  beforeAll(async () => {
    root = await temporary();
    await chmod(root, 0o755);
  });
  afterAll(async () => {
    await endAll();
    await removed(root);
  });

  /** Starts it twice: what the first one wrote the second one has; answers who ran PostgreSQL. */
  const starts = async (
    name: string,
    env: Readonly<Record<string, string>>,
    as: readonly string[],
  ): Promise<{ readonly owner: number; readonly cluster: string }> => {
    const home = path.join(root, name);
    await mkdir(home);
    if (as.length > 0) await chown(home, NOBODY, NOBODY);
    const dataDir = path.join(home, "data");
    const first = await startUp(dataDir, { HOME: home, ...env }, as);
    await ready(first);
    const told = (up: Up) => get<{ version: { version: number } }>(up, "/api/app/plan");
    expect((await told(first)).version.version).toBe(1);
    expect(await first.stop()).toBe(0);
    const second = await startUp(dataDir, { HOME: home, ...env }, as);
    await ready(second);
    expect((await told(second)).version.version).toBe(1);
    const { uid } = await stat(`/proc/${await second.pid("postgres")}`);
    const words = await readFile(`/proc/${await second.pid("postgres")}/cmdline`, "utf8");
    const [, cluster = ""] = /\0-D\0([^\0]+)/.exec(words) ?? [];
    expect(await second.stop()).toBe(0);
    return { owner: uid, cluster };
  };

  test("root, with what the kernel allows", async () => {
    const { cluster } = await starts("root", {}, []);
    expect(await readFile(path.join(cluster, "PG_VERSION"), "utf8")).toBe("18\n");
  });

  test("root, without user namespaces: an account of little power, its data where it may go", async () => {
    const { owner, cluster } = await starts("plain-root", { NOVAEVO_NO_USER_NAMESPACE: "1" }, []);
    expect(owner).not.toBe(0);
    expect(cluster).toMatch(/^\/var\/lib\/novaevo\/[0-9a-f]{16}\/data\/cluster$/);
    expect((await stat(cluster)).uid).toBe(owner);
    await removed(path.join(cluster, "..", ".."));
  });

  test("an ordinary user, all of it his", async () => {
    const { owner, cluster } = await starts("user", {}, AS_NOBODY);
    expect(owner).toBe(NOBODY);
    expect(cluster.startsWith(root)).toBe(true);
  });

  test("a user the system has no name for is told why, and of DATABASE_URL", async () => {
    const home = path.join(root, "nameless");
    await mkdir(home);
    await chown(home, NAMELESS, NAMELESS);
    const env = { NOVAEVO_DATA: path.join(home, "data"), NOVAEVO_PORT: "0", HOME: home };
    const refused = await run(["up"], env, as(NAMELESS));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/54321/);
    expect(refused.stderr).toContain("DATABASE_URL");
  });

  test.each([
    ["a full disk", "size=32m", "MiB are free"],
    ["a read-only disk", "size=600m,ro", "is on a read-only disk"],
  ])("%s is named, and what to do", async (name, options, sentence) => {
    const dir = path.join(root, name.replaceAll(" ", "-"));
    await mkdir(dir);
    const env = { NOVAEVO_DATA: dir, NOVAEVO_PORT: "0" };
    const refused = await run(["up"], env, onDisk(dir, options));
    expect(refused.stderr).toContain(sentence);
    expect(refused.stderr).toContain("NOVAEVO_DATA");
    expect(refused.code).toBe(1);
  });
});
