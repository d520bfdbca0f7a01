/** `novaevo plan`: check, compare, move and describe plans without a hub; apply them to one. */
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
import { API_FLAGS } from "./api-flags.ts";
import type { Asked, Command } from "./action.ts";
import { configOf, OK, PROBLEM, SETTING_FLAGS } from "./command.ts";
import { Misuse } from "./parse.ts";
import { clean, count, table } from "./text.ts";

const UNREADABLE = "is not a readable file of at most 8 MiB";
/** One byte over what the parser allows is enough for it to say so. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

const print = ({ show }: Asked, report: PlanReport): number => {
  show(report.json, () => report.lines);
  return report.ok ? OK : PROBLEM;
};

const load = async (file: string): Promise<string | undefined> => {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > MAX_READ_BYTES) return undefined;
  return readFile(file, "utf8");
};

const check = async (asked: Asked, file: string): Promise<number> => {
  const text = await load(file);
  if (text === undefined) return asked.fail(`${file}: ${UNREADABLE}`);
  return print(asked, checkReport(shortName(file), parsePlan({ sha256 })(text, shortName(file))));
};

const diff = async (asked: Asked, files: readonly string[]): Promise<number> => {
  const plans = [];
  for (const file of files) {
    const text = await load(file);
    if (text === undefined) return asked.fail(`${file}: ${UNREADABLE}`);
    const parsed = parsePlan({ sha256 })(text, shortName(file));
    if (!parsed.ok) return print(asked, checkReport(shortName(file), parsed));
    plans.push(parsed.value.plan);
  }
  return print(asked, diffReport(planDiff(plans[0], plans[1])));
};

const rebase = async (asked: Asked, file: string): Promise<number> => {
  const start = asked.flags["start"];
  if (typeof start !== "string") throw new Misuse("--start is missing: --start=YYYY-MM-DD");
  const text = await load(file);
  if (text === undefined) return asked.fail(`${file}: ${UNREADABLE}`);
  const rebased = rebasePlan(text, shortName(file), start);
  if (rebased.ok && asked.flags["write"] === true) await writeFile(file, rebased.value.text);
  return print(asked, rebaseReport(shortName(file), rebased));
};

const shortName = (file: string): string => {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
};

const fileOf = async (asked: Asked, word: string | undefined): Promise<string> =>
  path.resolve(word ?? (await configOf(asked)).planFile);

/** The server's file name says nothing: problems are told with the name the person knows. */
const apply = async (asked: Asked): Promise<number> => {
  const file = await fileOf(asked, asked.words[0]);
  const text = await load(file);
  if (text === undefined) return asked.fail(`${file}: ${UNREADABLE}`);
  const checked = parsePlan({ sha256 })(text, shortName(file));
  if (!checked.ok) return print(asked, checkReport(shortName(file), checked));
  const { ask } = await import("./api.ts");
  const body = { source: text, dryRun: asked.flags["dry-run"] === true };
  return ask(asked, "POST plan", { body }, ({ version, changed, diff, warnings }) => [
    ...diff.map(clean),
    version === null
      ? `dry run: ${changed ? "would change the plan" : "changes nothing"}`
      : changed
        ? `version ${version.version} is in force`
        : `version ${version.version} stays in force: nothing changed`,
    ...(warnings.length === 0 ? [] : [`${count(warnings.length, "warning")}: novaevo plan check`]),
  ]);
};

const show = async (asked: Asked): Promise<number> => {
  const { ask } = await import("./api.ts");
  return ask(asked, "GET plan", {}, ({ version, name, warnings, source }) =>
    asked.flags["source"] === true
      ? [source]
      : [
          `${clean(name.en)}: version ${version.version}, applied ${version.appliedAt}`,
          `by ${version.appliedBy}, digest ${version.digest}`,
          ...version.diff.map(clean),
          ...warnings.map(clean),
        ],
  );
};

const versions = async (asked: Asked): Promise<number> => {
  const { ask } = await import("./api.ts");
  return ask(asked, "GET planVersions", {}, ({ items }) =>
    table(
      ["VERSION", "APPLIED", "BY", "WARNINGS", "DIGEST"],
      items.map((one) => [
        String(one.version),
        one.appliedAt,
        one.appliedBy,
        String(one.warnings),
        one.digest,
      ]),
    ),
  );
};

const FILE_FLAGS = { plan: SETTING_FLAGS.plan, config: SETTING_FLAGS.config };

export const plan: Command = {
  summary: "Check, compare, move and apply launch plans",
  verbs: {
    check: {
      summary: "Every problem and warning of a plan, with its place",
      words: ["[FILE]"],
      flags: FILE_FLAGS,
      run: async (asked) => check(asked, await fileOf(asked, asked.words[0])),
    },
    diff: {
      summary: "What differs between two plans",
      words: ["OLD", "NEW"],
      run: async (asked) => diff(asked, asked.words),
    },
    rebase: {
      summary: "Move every date with the first day; the original baseline is kept",
      words: ["[FILE]"],
      flags: {
        start: { value: "YYYY-MM-DD", says: "the new first day; needed" },
        write: { says: "write the file; without it, say what would be written" },
        ...FILE_FLAGS,
      },
      run: async (asked) => rebase(asked, await fileOf(asked, asked.words[0])),
    },
    schema: {
      summary: "The JSON Schema of plans, for editors",
      run: async (asked) => print(asked, schemaReport()),
    },
    apply: {
      summary: "Put a plan in force in the running NovaEvo",
      words: ["[FILE]"],
      flags: {
        "dry-run": { says: "say what would change, change nothing" },
        plan: SETTING_FLAGS.plan,
        ...API_FLAGS,
      },
      run: apply,
    },
    show: {
      summary: "The plan in force",
      flags: { source: { says: "its text as it was applied" }, ...API_FLAGS },
      run: show,
    },
    versions: { summary: "Versions of the plan, newest first", flags: API_FLAGS, run: versions },
  },
};
