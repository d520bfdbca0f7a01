/**
 * Prometheus' own conformance scripts against our evaluator, with a ratchet: the number of cases a
 * file passes may only grow. `npm run test:promql` prints the counts.
 *
 * The scripts (promql/promqltest/testdata of prometheus/prometheus 3.14, Apache-2.0) are not part
 * of this project; without them the tests are skipped, by name.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import ratchet from "./ratchet.json" with { type: "json" };
import { runScript } from "./run-script.ts";

const FOLDER =
  process.env["PROMQLTEST_DIR"] ??
  join(import.meta.dirname, "..", "..", "..", "shared", "data", "promqltest");

/** Every case of these files that needs no native histogram passes, without exception. */
const CORE: ReadonlySet<string> = new Set([
  "aggregators",
  "at_modifier",
  "collision",
  "functions",
  "histograms",
  "literals",
  "name_label_dropping",
  "operators",
  "range_queries",
  "selectors",
  "staleness",
  "subquery",
  "trig_functions",
]);

const lines: string[] = [];
afterAll(() => {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
});

describe.skipIf(!existsSync(FOLDER))("Prometheus' conformance scripts", () => {
  test.each(Object.entries(ratchet))("%s: no case that passed fails now", (name, floor) => {
    const verdicts = runScript(readFileSync(join(FOLDER, `${name}.test`), "utf8"));
    const float = verdicts.filter(({ native }) => !native);
    const floatFaults = float.filter(({ fault }) => fault !== undefined);
    const passed = verdicts.filter(({ fault }) => fault === undefined).length;
    const counts = {
      float: float.length - floatFaults.length,
      floatCases: float.length,
      passed,
      cases: verdicts.length,
    };
    lines.push(
      `${name.padEnd(20)} float ${counts.float}/${counts.floatCases}  all ${passed}/${verdicts.length}`,
    );
    expect(counts.float).toBeGreaterThanOrEqual(floor.float);
    expect(counts.passed).toBeGreaterThanOrEqual(floor.passed);
    // A number that grew belongs in the file, or the next fall goes unseen.
    expect(counts).toEqual(floor);
    expect(CORE.has(name) ? floatFaults : []).toEqual([]);
  });

  test("control: a wrong expectation is noticed", () => {
    const script = "load 1m\n  a 1 2 3\n\neval instant at 2m a\n  a 4\n";
    expect(runScript(script)[0]?.fault).toBe("got a 3");
    expect(runScript(script.replace("a 4", "a 3"))[0]?.fault).toBeUndefined();
  });
});
