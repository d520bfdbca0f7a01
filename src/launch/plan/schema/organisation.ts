/**
 * Who there is: teams, roles (people, committees, rotas), channels and working calendars.
 *
 * Shape: public holidays are rules (a fixed day, or days after Easter Sunday), never a list of
 *        years, so that the calendar holds for as long as the plan lives.
 */
import * as z from "zod";
import { clockTime, date, id, many, some, text, timeZone, type Immutable } from "./words.ts";

export const team = z.strictObject({
  id,
  name: text,
  description: text.optional(),
  lead: id.optional().describe("The role that leads the team."),
  channel: id.optional(),
});

export const role = z.strictObject({
  id,
  name: text,
  kind: z
    .enum(["person", "committee", "rota", "relative"])
    .describe("relative: resolved by what happened, as « the team concerned »"),
  teams: many(id).optional(),
});

export const channel = z.strictObject({
  id,
  name: text,
  kind: z.enum(["dashboard", "slack", "email", "sms", "pagerduty", "phone", "war_room"]),
  priority: z.enum(["normal", "urgent", "incident", "high"]).optional(),
  tool: id.optional(),
});

const holiday = z.strictObject({
  id,
  name: text,
  rule: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("fixed"),
      month: z.int().min(1).max(12),
      day: z.int().min(1).max(31),
    }),
    z.strictObject({ kind: z.literal("easter"), offsetDays: z.int().min(-100).max(100) }),
  ]),
});

export const calendar = z.strictObject({
  id,
  name: text,
  timezone: timeZone,
  workingDays: some(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
  hours: z.strictObject({ from: clockTime, to: clockTime }),
  holidays: many(holiday),
  closed: many(date).optional().describe("Days closed once, beside the rules."),
});

export const organisation = z.strictObject({
  teams: some(team),
  roles: some(role),
  channels: some(channel),
  calendars: some(calendar),
});

export type Organisation = Immutable<z.infer<typeof organisation>>;
export type Team = Immutable<z.infer<typeof team>>;
