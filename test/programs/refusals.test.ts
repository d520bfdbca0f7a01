/** What `up` refuses, and the sentence a person can act on. */
import { chmod, chown, mkdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ready, removed, run, startUp, temporary, written } from "./lab.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Root may write everywhere; root without these may not. */
const WITHOUT_OVERRIDE = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];

let root: string;
beforeAll(async () => {
  root = await temporary();
});
afterAll(() => removed(root));

test("a second one on the same data names the first's pid, and the first goes on", async () => {
  const dataDir = path.join(root, "twice");
  const up = await startUp(dataDir);
  const second = await run(["up"], { NOVAEVO_DATA: dataDir, NOVAEVO_PORT: "0" });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain(`pid ${up.child.pid}`);
  expect(second.stderr).toContain("NOVAEVO_DATA");
  await ready(up);
  expect(await up.stop()).toBe(0);
});

test("a port that is taken is named with NOVAEVO_PORT", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const refused = await run(["up"], {
    NOVAEVO_DATA: path.join(root, "port"),
    NOVAEVO_PORT: String(port),
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`port ${port}`);
  expect(refused.stderr).toContain("NOVAEVO_PORT");
  await new Promise((resolve) => taken.close(resolve));
});

test("a plan with a mistake is refused with file, line and path", async () => {
  const plan = await written(path.join(root, "bad.yaml"), "schema: 1\nid: x\nsurprise: 1\n");
  const refused = await run(["up"], {
    ...{ NOVAEVO_DATA: path.join(root, "bad-plan"), NOVAEVO_PLAN: plan, NOVAEVO_PORT: "0" },
  });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/bad\.yaml:3:\d+ surprise/);
});

test("a file in the way of the data folder is said to be so", async () => {
  const file = await written(path.join(root, "file"), "");
  const refused = await run(["up"], { NOVAEVO_DATA: file, NOVAEVO_PORT: "0" });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("NOVAEVO_DATA");
});

test("a folder that is not ours to write is named", async () => {
  const dataDir = path.join(root, "locked");
  await mkdir(dataDir);
  await chmod(dataDir, 0o500);
  if (isRoot) await chown(dataDir, NOBODY, NOBODY);
  const env = { NOVAEVO_DATA: path.join(dataDir, "data"), NOVAEVO_PORT: "0" };
  const refused = await run(["up"], env, isRoot ? WITHOUT_OVERRIDE : []);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("is not ours to write; set NOVAEVO_DATA");
});

test("settings that cannot be are named all at once", async () => {
  const refused = await run(["up"], {
    NOVAEVO_PORT: "seventy",
    NOVAEVO_LOG: "loud",
    NOVAEVO_SCRAPE: "no-address",
  });
  expect(refused.code).toBe(2);
  for (const name of ["NOVAEVO_PORT", "NOVAEVO_LOG"]) expect(refused.stderr).toContain(name);
});

test("a host beyond the loopback without TLS in front is refused", async () => {
  const refused = await run(["up"], { NOVAEVO_HOST: "0.0.0.0" });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("NOVAEVO_TRUST_PROXY");
});
