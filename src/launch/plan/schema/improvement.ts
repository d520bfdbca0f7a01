/**
 * How the team learns: the measure → examine → act → improve cycle, four loops and their sources.
 */
import * as z from "zod";
import { group, id, named, some, text, type Immutable } from "./words.ts";

const loop = z.strictObject({
  id,
  name: text,
  level: text,
  frequency: z.enum(["daily", "weekly", "monthly", "quarterly"]),
  activities: some(named),
  responsible: z.strictObject({ name: text, roles: some(id) }),
});

export const improvement = z.strictObject({
  cycle: some(group),
  loops: some(loop),
  sources: some(group),
});

export type Improvement = Immutable<z.infer<typeof improvement>>;
