/** `novaevo plan`: check, compare, move and describe plans; no hub is needed. */
import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "../../ledger/adapters/node-crypto.ts";
import { planDiff } from "../../launch/plan/diff.ts";
import { parsePlan } from "../../launch/plan/parse.ts";
import { rebasePlan } from "../../launch/plan/rebase.ts";
import {
  checkReport,
  diffReport,
  rebaseReport,
  schemaReport,
  type PlanReport,
} from "../../launch/plan/report.ts";
import { command, OK, PROBLEM, USAGE, type Command, type Invocation } from "./command.ts";

const USE =
  "novaevo plan check [FILE] | diff OLD NEW | rebase --start YYYY-MM-DD [FILE] [--write] | schema";
/** One byte over what the parser allows is enough for it to say so. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

const print = ({ out, json }: Invocation, report: PlanReport): number => {
  out(json ? JSON.stringify(report.json, undefined, 2) : report.lines.join("\n"));
  return report.ok ? OK : PROBLEM;
};

const load = async (file: string): Promise<string | undefined> => {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > MAX_READ_BYTES) return undefined;
  return readFile(file, "utf8");
};

const check = async (asked: Invocation, file: string): Promise<number> => {
  const text = await load(file);
  if (text === undefined) return asked.fail(`${file}: is not a readable file of at most 8 MiB`);
  return print(asked, checkReport(shortName(file), parsePlan({ sha256 })(text, shortName(file))));
};

const diff = async (asked: Invocation, before: string, after: string): Promise<number> => {
  const plans = [];
  for (const file of [before, after]) {
    const text = await load(file);
    if (text === undefined) return asked.fail(`${file}: is not a readable file of at most 8 MiB`);
    const parsed = parsePlan({ sha256 })(text, shortName(file));
    if (!parsed.ok) return print(asked, checkReport(shortName(file), parsed));
    plans.push(parsed.value.plan);
  }
  return print(asked, diffReport(planDiff(plans[0], plans[1])));
};

const rebase = async (asked: Invocation, file: string): Promise<number> => {
  const start = asked.flags["start"];
  if (typeof start !== "string") return asked.fail(`--start is missing\n\nusage: ${USE}`, USAGE);
  const text = await load(file);
  if (text === undefined) return asked.fail(`${file}: is not a readable file of at most 8 MiB`);
  const rebased = rebasePlan(text, shortName(file), start);
  if (rebased.ok && asked.flags["write"] === true) await writeFile(file, rebased.value.text);
  return print(asked, rebaseReport(shortName(file), rebased));
};

const shortName = (file: string): string => {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
};

export const plan: Command = command(
  { name: "plan", summary: "Check, compare and move launch plans", usage: USE },
  { start: { type: "string" }, write: { type: "boolean" } },
  async (asked) => {
    const [verb, first, second] = asked.words;
    const file = path.resolve(first ?? asked.config.planFile);
    if (verb === "check") return check(asked, file);
    if (verb === "rebase") return rebase(asked, file);
    if (verb === "schema") return print(asked, schemaReport());
    if (verb === "diff" && first !== undefined && second !== undefined) {
      return diff(asked, file, path.resolve(second));
    }
    return asked.fail(`usage: ${USE}`, USAGE);
  },
);
