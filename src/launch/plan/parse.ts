/**
 * A plan's text becomes a plan, or every problem it has, each with file, line and column.
 *
 * Shape:  text → document (`document.ts`) → schema brought up to date (`upgrade.ts`) → shape, names
 *         and rules together (`shape.ts`, `references.ts`, `rules.ts`) → warnings
 *         (`contradictions.ts`). The digest is the SHA-256 of the plan's canonical JSON, so
 *         comments and layout do not change it.
 * Errors: `PlanProblem[]`, sorted by place. A plan with warnings loads.
 */
import { canonicalJson } from "../../kernel/canonical.ts";
import { err, ok, type Result } from "../../kernel/result.ts";
import { contradictions } from "./contradictions.ts";
import { readDocument, type Fault, type Path, type PlanDocument } from "./document.ts";
import { referenceFaults } from "./references.ts";
import { ruleFaults } from "./rules.ts";
import { planSchema, type Plan } from "./schema/whole.ts";
import { shapeFaults } from "./shape.ts";
import { upgrade } from "./upgrade.ts";

export type PlanProblem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As people write it: `kpis[3].target.value`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
};

/** Something that cannot be true together with something else; the plan loads all the same. */
export type PlanWarning = PlanProblem & {
  /** Stable, for filters and translations. */
  readonly code: string;
  readonly figures: { readonly [name: string]: number | string };
};

export type ParsedPlan = {
  readonly plan: Plan;
  readonly digest: string;
  readonly warnings: readonly PlanWarning[];
};

export type Sha256 = (data: Uint8Array) => Uint8Array;

export const parsePlan =
  (deps: { readonly sha256: Sha256 }) =>
  (text: string, file: string): Result<ParsedPlan, readonly PlanProblem[]> => {
    const checked = checkDocument(text, file);
    if (!checked.ok) return checked;
    const { plan, document } = checked.value;
    const warnings = contradictions(plan).map(({ code, path, message, figures }): PlanWarning => {
      const { line, column } = document.place(path);
      return { file, line, column, code, path: pathText(path), message, figures };
    });
    return ok({ plan, digest: digestOf(deps.sha256, plan), warnings: warnings.sort(byPlace) });
  };

export type CheckedDocument = { readonly plan: Plan; readonly document: PlanDocument };

/** The plan together with the document it was read from, for edits that keep the text. */
export const checkDocument = (
  text: string,
  file: string,
): Result<CheckedDocument, readonly PlanProblem[]> => {
  const refused = (faults: readonly Fault[]) => err(faults.map(problemIn(file)).sort(byPlace));
  const read = readDocument(text);
  if (!read.ok) return refused(read.error);
  const document = read.value;
  const current = upgrade(document.value);
  if (!current.ok) {
    const path = typeof document.value === "object" ? ["schema"] : [];
    return refused([{ ...document.place(path), path, message: current.error }]);
  }
  const parsed = planSchema.safeParse(current.value);
  const faults = [
    ...(parsed.success ? [] : shapeFaults(document, parsed.error.issues)),
    ...referenceFaults(document),
    ...ruleFaults(document),
  ];
  if (!parsed.success || faults.length > 0) return refused(faults);
  return ok({ plan: parsed.data, document });
};

const problemIn =
  (file: string) =>
  ({ line, column, path, message }: Fault): PlanProblem => ({
    file,
    line,
    column,
    path: pathText(path),
    message,
  });

const byPlace = (a: PlanProblem, b: PlanProblem): number =>
  a.line - b.line || a.column - b.column || a.path.localeCompare(b.path);

export const pathText = (path: Path): string =>
  path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`,
    )
    .join("");

const digestOf = (sha256: Sha256, plan: Plan): string => {
  const text = canonicalJson(plan);
  if (!text.ok) throw new Error(`a parsed plan is JSON, but ${text.error.path} ${text.error.why}`);
  const bytes = sha256(new TextEncoder().encode(text.value));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};
