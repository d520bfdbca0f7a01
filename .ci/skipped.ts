/**
 * Reads vitest's JSON report and fails when a test did not run: `node .ci/skipped.ts report.json`.
 *
 * The one exception is named: Prometheus' own conformance scripts are not part of this project, and
 * run where PROMQLTEST_DIR, or the folder beside the checkout, has them.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";

const NOT_OURS = "test/promql/conformance.test.ts";
/** A report of fewer is not of the whole suite. */
const FEWEST = 1_000;

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

const [, , file = "coverage/tests.json"] = process.argv;
const report = JSON.parse(await readFile(file, "utf8")) as Report;
const tests = report.testResults.flatMap(({ name, assertionResults }) =>
  assertionResults.map((one) => ({ ...one, file: path.relative(process.cwd(), name) })),
);
const ran = tests.filter(({ status }) => status === "passed");
const missed = tests.filter((one) => one.status !== "passed" && one.file !== NOT_OURS);
const notOurs = tests.filter((one) => one.status !== "passed" && one.file === NOT_OURS);

for (const one of missed) process.stdout.write(`${one.status}: ${one.file}: ${one.fullName}\n`);
process.stdout.write(
  `${ran.length} tests ran, ${missed.length} did not` +
    (notOurs.length > 0 ? `; ${notOurs.length} of ${NOT_OURS} need its scripts\n` : "\n"),
);
process.exitCode = missed.length > 0 || ran.length < FEWEST ? 1 : 0;
