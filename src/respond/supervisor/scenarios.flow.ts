/**
 * Runs scenarios, one at a time: their faults at their times, all lifted at the end.
 *
 * Shape:  a scenario is checked whole before its first fault. A step that cannot be done (nothing
 *         of its target runs just then) is said and passed over.
 * Units:  ms.
 * Errors: a refusal with a code; nothing has begun then.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { err, ok, type Result } from "../../kernel/result.ts";
import { checkFault, type FaultRefusal } from "./fault.ts";
import type { Faults } from "./faults.flow.ts";
import { parseScenario, type Scenario } from "./scenario.ts";
import type { Rehearsal } from "./supervisor.flow.ts";

const MAX_FILES = 100;
const MAX_FILE_BYTES = 65_536;

export type RunningScenario = {
  readonly id: string;
  /** What its faults' ids begin with. */
  readonly run: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly doneSteps: number;
  readonly passedOver: readonly string[];
};

export type Listed =
  | (Scenario & { readonly problems: readonly [] })
  | { readonly file: string; readonly problems: readonly string[] };

export type Scenarios = {
  readonly list: () => Promise<readonly Listed[]>;
  readonly running: () => RunningScenario | null;
  readonly start: (id: string) => Promise<Result<RunningScenario, FaultRefusal>>;
  /** Its faults are lifted too; false: none was running. */
  readonly stop: (why: string) => Promise<boolean>;
  /** No further step, at once; the faults are for the caller to lift. */
  readonly halt: () => void;
};

type Run = {
  readonly scenario: Scenario;
  readonly run: string;
  readonly sinceMs: number;
  doneSteps: number;
  readonly passedOver: string[];
  readonly timers: NodeJS.Timeout[];
};

export const openScenarios = (
  deps: { readonly clock: Clock; readonly faults: Faults; readonly rehearsal: Rehearsal },
  dir: string | undefined,
): Scenarios => {
  const { clock, faults } = deps;
  let current: Run | undefined;
  let isStarting = false;

  const halt = (): void => {
    for (const timer of current?.timers ?? []) clearTimeout(timer);
    current = undefined;
  };
  const stop = async (why: string): Promise<boolean> => {
    const ending = current;
    halt();
    if (ending === undefined) return false;
    const own = faults.inForce().filter(({ id }) => id.startsWith(`${ending.run}:`));
    await Promise.all(own.map(({ id }) => faults.lift(id, why)));
    return true;
  };
  const doStep = async (run: Run, nth: number): Promise<void> => {
    const step = run.scenario.steps[nth];
    if (step === undefined || current !== run) return;
    const done = await faults.inject({ id: `${run.run}:${nth + 1}`, ...step.inject });
    run.doneSteps += 1;
    if (!done.ok) run.passedOver.push(`step ${nth + 1}: ${done.error.message}`);
    // It was halted while the fault was brought about.
    if (current !== run && done.ok) await faults.lift(done.value.id, "the scenario was stopped");
  };
  const begin = (scenario: Scenario): RunningScenario => {
    const sinceMs = clock.now();
    const run: Run = {
      ...{ scenario, sinceMs, run: `${scenario.id}:${sinceMs}` },
      ...{ doneSteps: 0, passedOver: [], timers: [] },
    };
    current = run;
    for (const [nth, { atMs }] of scenario.steps.entries()) {
      run.timers.push(setTimeout(() => void doStep(run, nth), atMs));
    }
    run.timers.push(setTimeout(() => void stop("the scenario is over"), scenario.untilMs));
    return shown(run);
  };

  return {
    list: () => listed(dir),
    running: () => (current === undefined ? null : shown(current)),
    start: async (id) => {
      if (current !== undefined || isStarting) {
        const other = current === undefined ? "another scenario" : `"${current.scenario.id}"`;
        return err({ code: "scenario_running", message: `${other} is running; stop it first` });
      }
      isStarting = true;
      try {
        const found = wholeOf(deps.rehearsal, await listed(dir), id);
        return found.ok ? ok(begin(found.value)) : found;
      } finally {
        isStarting = false;
      }
    },
    stop,
    halt,
  };
};

const wholeOf = (
  { settings }: Rehearsal,
  all: readonly Listed[],
  id: string,
): Result<Scenario, FaultRefusal> => {
  const found = all.find((one): one is Scenario & { problems: [] } => "id" in one && one.id === id);
  if (found === undefined) {
    const message = `scenario: no "${id.slice(0, 64)}" here`;
    return err({ code: "unknown_target", message, field: "scenario" });
  }
  for (const [nth, { inject }] of found.steps.entries()) {
    const checked = checkFault(settings, inject);
    if (!checked.ok) {
      const message = `steps.${nth}.inject.${checked.error.message}`;
      return err({ ...checked.error, message });
    }
  }
  return ok(found);
};

const listed = async (dir: string | undefined): Promise<readonly Listed[]> => {
  if (dir === undefined) return [];
  const names = (await readdir(dir).catch(() => [])).filter((name) => /\.ya?ml$/.test(name));
  const read = await Promise.all(
    names
      .toSorted()
      .slice(0, MAX_FILES)
      .map((name) => readScenario(path.join(dir, name))),
  );
  const ids = new Set<string>();
  return read.map((one): Listed => {
    if (!("id" in one)) return one;
    if (ids.has(one.id)) return { file: one.id, problems: [`id: "${one.id}" is there twice`] };
    ids.add(one.id);
    return one;
  });
};

const readScenario = async (file: string): Promise<Listed> => {
  const name = path.basename(file);
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) {
      return { file: name, problems: [`over ${MAX_FILE_BYTES} bytes`] };
    }
    const parsed = parseScenario(await readFile(file, "utf8"));
    if (!parsed.ok) return { file: name, problems: parsed.error };
    return { ...parsed.value, problems: [] };
  } catch (fault) {
    return { file: name, problems: [fault instanceof Error ? fault.message : String(fault)] };
  }
};

const shown = ({ scenario, run, sinceMs, doneSteps, passedOver }: Run): RunningScenario => ({
  ...{ id: scenario.id, run, sinceMs, doneSteps },
  untilMs: sinceMs + scenario.untilMs,
  passedOver: [...passedOver],
});
