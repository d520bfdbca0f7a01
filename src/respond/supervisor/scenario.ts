/**
 * A scenario: faults in order of time, as a file in YAML.
 *
 * Shape:  `{id, name: {fr, en}, steps: [{at: "10s", inject: {service, kind, region?, share?,
 *         for?}}], until}`. What has no `for` lasts until the scenario ends.
 * Units:  durations as in `kernel/duration.ts`; ms out.
 * Errors: every problem at once, each with its place in the file.
 */
import { parse } from "yaml";
import * as z from "zod";
import { parseDuration } from "../../kernel/duration.ts";
import { err, ok, type Result } from "../../kernel/result.ts";
import { faultInScenario, MAX_FAULT_MS, type FaultRequest } from "./fault.ts";

export type Scenario = {
  readonly id: string;
  readonly name: { readonly fr: string; readonly en: string };
  readonly untilMs: number;
  readonly steps: readonly { readonly atMs: number; readonly inject: Omit<FaultRequest, "id"> }[];
};

const MAX_TEXT_CHARS = 65_536;
const MAX_STEPS = 100;
const MIN_FAULT_MS = 100;
const text = z.string().min(1).max(200);
const duration = z.string().max(40);

const file = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -"),
  name: z.strictObject({ fr: text, en: text }),
  steps: z
    .array(z.strictObject({ at: duration, inject: faultInScenario }))
    .min(1)
    .max(MAX_STEPS),
  until: duration,
});

export const parseScenario = (source: string): Result<Scenario, readonly string[]> => {
  if (source.length > MAX_TEXT_CHARS) return err([`over ${MAX_TEXT_CHARS} characters`]);
  let value: unknown;
  try {
    // No aliases: a small file must not become a large value.
    value = parse(source, { maxAliasCount: 0 });
  } catch (fault) {
    return err([`is not YAML: ${fault instanceof Error ? fault.message.split("\n")[0] : ""}`]);
  }
  const read = file.safeParse(value);
  if (!read.success) {
    return err(read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  }
  return timed(read.data);
};

const timed = ({
  id,
  name,
  steps,
  until,
}: z.infer<typeof file>): Result<Scenario, readonly string[]> => {
  const faults: string[] = [];
  const msOf = (place: string, words: string, [least, most]: readonly [number, number]): number => {
    const ms = parseDuration(words);
    if (ms === undefined) faults.push(`${place}: "${words}" is no duration such as 10s`);
    else if (ms < least || ms > most)
      faults.push(`${place}: ${words} is not ${least} to ${most} ms`);
    return ms ?? least;
  };
  const untilMs = msOf("until", until, [1, MAX_FAULT_MS]);
  const timedSteps = steps.map(({ at, inject }, nth) => {
    const { for: words, kind, service, region, share } = inject;
    const atMs = msOf(`steps.${nth}.at`, at, [0, untilMs - 1]);
    // A crash is over at once unless its time is said.
    const isOnce = kind === "crash" && words === undefined;
    const restMs = Math.max(MIN_FAULT_MS, untilMs - atMs);
    const forMs =
      words === undefined
        ? restMs
        : msOf(`steps.${nth}.inject.for`, words, [MIN_FAULT_MS, MAX_FAULT_MS]);
    return {
      atMs,
      inject: {
        kind,
        service,
        ...(region === undefined ? {} : { region }),
        ...(share === undefined ? {} : { share }),
        ...(isOnce ? {} : { forMs: Math.min(forMs, restMs) }),
      },
    };
  });
  if (faults.length > 0) return err(faults);
  return ok({ id, name, untilMs, steps: timedSteps.toSorted((a, b) => a.atMs - b.atMs) });
};
