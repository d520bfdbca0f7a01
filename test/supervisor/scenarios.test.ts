import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { checkFault } from "../../src/respond/supervisor/fault.ts";
import { parseScenario } from "../../src/respond/supervisor/scenario.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DIR = path.join(ROOT, "fleet/scenarios");
const REGIONS = [{ region: "paris" }, { region: "lyon" }];
const files = (await readdir(DIR)).filter((name) => name.endsWith(".yaml"));
const plan = parse(await readFile(path.join(ROOT, "plans/novaevo.yaml"), "utf8")) as {
  readonly services: readonly { readonly id: string }[];
};
const services = plan.services.map(({ id }) => ({ id, pools: REGIONS }));

test.each(files)("%s breaks only services of the plan, in regions there are", async (name) => {
  const parsed = parseScenario(await readFile(path.join(DIR, name), "utf8"));
  if (!parsed.ok) throw new Error(parsed.error.join("\n"));
  expect(`${parsed.value.id}.yaml`).toBe(name);
  for (const { inject } of parsed.value.steps) {
    expect(checkFault(services, inject)).toMatchObject({ ok: true });
  }
});

test("control: another service's name would be found", () => {
  const inject = { kind: "slow", service: "no-such", share: 1 } as const;
  expect(checkFault(services, inject)).toMatchObject({ ok: false });
  expect(files.length).toBeGreaterThan(2);
});
