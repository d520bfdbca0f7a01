/**
 * Who may start it, and on what disk: as root with and without user namespaces, as an ordinary
 * user, on a full and on a read-only disk. Needs root; elsewhere skipped, by its name.
 */
import { chmod, chown, mkdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ready, removed, run, startUp, temporary } from "./lab.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const SKIPPED = isRoot ? "" : " (skipped: needs root)";
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
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
  afterAll(() => removed(root));

  const starts = async (
    name: string,
    env: Readonly<Record<string, string>>,
    as: readonly string[],
  ): Promise<void> => {
    const home = path.join(root, name);
    await mkdir(home);
    if (as.length > 0) await chown(home, NOBODY, NOBODY);
    const up = await startUp(path.join(home, "data"), { HOME: home, ...env }, as);
    await ready(up);
    expect(await up.stop()).toBe(0);
  };

  test("root, with what the kernel allows", () => starts("root", {}, []));
  test("root, without user namespaces", () =>
    starts("plain-root", { NOVAEVO_NO_USER_NAMESPACE: "1" }, []));
  test("an ordinary user", () => starts("user", {}, AS_NOBODY));

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
