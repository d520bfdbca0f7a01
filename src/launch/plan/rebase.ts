/**
 * Moves a whole plan to another start: every promised date by the same number of days.
 *
 * Shape:  works on the text, so that comments, order and layout stay as they were. The first rebase
 *         writes the `baseline` block, which keeps the original dates for ever after; going back to
 *         the original dates takes it away again.
 * Errors: the plan's own problems; a start that is no day; dates that would leave the calendar.
 */
import { err, ok, type Result } from "../../kernel/result.ts";
import type { PlanDocument } from "./document.ts";
import { checkDocument, type PlanProblem } from "./parse.ts";
import { scheduledDates, type ScheduledDate } from "./schedule.ts";
import { dateOfDay, dayNumber } from "./schema/words.ts";
import type { Plan } from "./schema/whole.ts";

export type MovedDate = { readonly key: string; readonly from: string; readonly to: string };

export type Rebased = {
  readonly text: string;
  readonly plan: Plan;
  readonly shiftDays: number;
  readonly moved: readonly MovedDate[];
};

type Edit = { readonly start: number; readonly end: number; readonly text: string };

export const rebasePlan = (
  text: string,
  file: string,
  newStart: string,
): Result<Rebased, readonly PlanProblem[]> => {
  const checked = checkDocument(text, file);
  if (!checked.ok) return checked;
  const { plan, document } = checked.value;
  const refuse = (message: string): Result<Rebased, readonly PlanProblem[]> =>
    err([{ file, ...document.place(["start"]), path: "start", message }]);
  const [from, to] = [dayNumber(plan.start), dayNumber(newStart)];
  if (to === undefined) return refuse(`"${newStart}" is not a day; allowed: YYYY-MM-DD`);
  if (from === undefined) throw new Error("a parsed plan starts on a day");
  const shiftDays = to - from;
  const dates = scheduledDates(plan);
  const moved = dates.map(({ key, date }) => ({ key, from: date, to: shifted(date, shiftDays) }));
  const lost = moved.find((date) => dayNumber(date.to) === undefined);
  if (lost) return refuse(`${lost.key} (${lost.from}) would leave the years 0000 to 9999`);
  if (shiftDays === 0) return ok({ text, plan, shiftDays, moved: [] });

  const edits = dates.map((date, index) => dateEdit(document, date, moved[index]?.to ?? date.date));
  const baseline = baselineEdit(plan, document, dates, moved);
  const rebased = applyEdits(text, baseline ? [...edits, baseline] : edits);
  const again = checkDocument(rebased, file);
  // The text is edited in place, so what came out is read back before anybody gets it.
  const arrived =
    again.ok &&
    scheduledDates(again.value.plan)
      .map(({ date }) => date)
      .join();
  if (!again.ok || arrived !== moved.map((date) => date.to).join()) {
    return refuse("the dates cannot be moved in this layout; write each date where it stands");
  }
  return ok({ text: rebased, plan: again.value.plan, shiftDays, moved });
};

const shifted = (date: string, days: number): string => {
  const day = dayNumber(date);
  if (day === undefined) throw new Error(`a parsed plan holds days only, and ${date} is none`);
  return dateOfDay(day + days);
};

const dateEdit = (document: PlanDocument, { path, date }: ScheduledDate, to: string): Edit => {
  const range = document.range(path);
  if (range === undefined) throw new Error(`${path.join(".")} was read from the text`);
  const [start, end] = range;
  // Quotes stay as they are.
  return { start, end, text: document.text.slice(start, end).replace(date, to) };
};

/** One edit a place: a date that an alias shares is moved once. */
const applyEdits = (text: string, edits: readonly Edit[]): string => {
  const places = new Map(edits.map((edit) => [edit.start, edit]));
  let edited = text;
  for (const { start, end, text: replacement } of [...places.values()].sort(
    (a, b) => b.start - a.start,
  )) {
    edited = edited.slice(0, start) + replacement + edited.slice(end);
  }
  return edited;
};

const baselineEdit = (
  plan: Plan,
  document: PlanDocument,
  dates: readonly ScheduledDate[],
  moved: readonly MovedDate[],
): Edit | undefined => {
  if (plan.baseline === undefined) return insertion(document, dates);
  const original = plan.baseline.dates;
  const back = moved.every(({ key, to }) => key === "start" || original[key] === to);
  return back && moved.length === Object.keys(original).length + 1 ? removal(document) : undefined;
};

const insertion = (document: PlanDocument, dates: readonly ScheduledDate[]): Edit => {
  const range = document.range(["start"]);
  if (range === undefined) throw new Error("a parsed plan has a start");
  const [first, ...rest] = dates;
  if (document.flow) {
    const kept = {
      start: first?.date,
      dates: Object.fromEntries(rest.map((d) => [d.key, d.date])),
    };
    const at = range[1];
    return { start: at, end: at, text: `, "baseline": ${JSON.stringify(kept)}` };
  }
  const newline = document.text.indexOf("\n", range[1]);
  const at = newline < 0 ? document.text.length : newline + 1;
  const block = [
    "baseline:",
    `  start: ${first?.date}`,
    "  dates:",
    ...rest.map(({ key, date }) => `    ${key}: ${date}`),
  ].join("\n");
  return { start: at, end: at, text: newline < 0 ? `\n${block}` : `${block}\n` };
};

const removal = (document: PlanDocument): Edit | undefined => {
  const range = document.keyRange("baseline");
  if (range === undefined) return undefined;
  const { text } = document;
  if (document.flow) return { start: text.lastIndexOf(",", range[0]), end: range[1], text: "" };
  // The key's line and the indented ones under it.
  let end = range[0];
  do {
    const newline = text.indexOf("\n", end);
    end = newline < 0 ? text.length : newline + 1;
  } while (text[end] === " ");
  const atEnd = end === text.length && text[end - 1] !== "\n";
  return { start: atEnd && range[0] > 0 ? range[0] - 1 : range[0], end, text: "" };
};
