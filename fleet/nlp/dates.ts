/**
 * Dates and times in French, as people write them to a garage: « mardi prochain vers 14h30 »,
 * « le 12 mars », « dans trois jours », « 25/04 », « cet après-midi », « ce week-end ».
 *
 * Shape:  a day `2026-03-12`, perhaps `until` a later one, perhaps a time `14:30` or a part of the
 *         day. A day without a year is the next one that comes, `today` included.
 * Units:  calendar days in Paris; `today` comes in as `2026-03-10`.
 * Errors: none; a day that does not exist (31/02) is not a date.
 */
export type When = {
  readonly from: number;
  readonly to: number;
  readonly day?: string;
  readonly until?: string;
  readonly time?: string;
  readonly part?: "morning" | "noon" | "afternoon" | "evening";
};

const DAYS = ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"];
const MONTHS = [
  ...["janvier", "fevrier", "mars", "avril", "mai", "juin"],
  ...["juillet", "aout", "septembre", "octobre", "novembre", "decembre"],
];
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ un: 1, une: 1, deux: 2, trois: 3, quatre: 4, cinq: 5, six: 6, sept: 7, huit: 8 },
  ...{ dix: 10, quinze: 15 },
};
const DAY_MS = 86_400_000;

type Day = number;
const dayOf = (iso: string): Day => Date.parse(`${iso}T00:00:00Z`) / DAY_MS;
const isoOf = (day: Day): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
const weekday = (day: Day): number => new Date(day * DAY_MS).getUTCDay();
const dayIn = (year: number, month: number, date: number): Day | undefined => {
  const day = Date.UTC(year, month - 1, date) / DAY_MS;
  return isoOf(day).endsWith(`-${two(month)}-${two(date)}`) ? day : undefined;
};
const two = (number: number): string => String(number).padStart(2, "0");

/** Days, months, times: each pattern says which day or time it is; neighbours become one. */
export const findDates = (folded: string, todayIso: string): readonly When[] => {
  const today = dayOf(todayIso);
  const found: When[] = [];
  for (const [pattern, read] of PATTERNS)
    for (const match of folded.matchAll(pattern)) {
      const from = match.index + match[0].length - match[0].trimStart().length;
      const to = match.index + match[0].trimEnd().length;
      if (found.some((other) => from < other.to && other.from < to)) continue;
      const when = read(match.groups ?? {}, today);
      if (when !== undefined) found.push({ from, to, ...when });
    }
  return joined(
    found.toSorted((a, b) => a.from - b.from),
    folded,
  );
};

type Read = (
  groups: Readonly<Record<string, string | undefined>>,
  today: Day,
) => Omit<When, "from" | "to"> | undefined;

const number = (text: string | undefined): number => NUMBERS[text ?? ""] ?? Number(text);
const span = (from: Day, days: number) => ({ day: isoOf(from), until: isoOf(from + days) });
const monday = (day: Day): Day => day - ((weekday(day) + 6) % 7);

const written: Read = ({ date, month, year }, today) => {
  const named = MONTHS.findIndex((name) => month !== undefined && name.startsWith(month));
  const nth = named >= 0 ? named + 1 : Number(month);
  const day1 = date?.startsWith("1er") === true ? 1 : Number(date);
  if (year !== undefined) {
    const day = dayIn(year.length === 2 ? 2_000 + Number(year) : Number(year), nth, day1);
    return day === undefined ? undefined : { day: isoOf(day) };
  }
  const thisYear = new Date(today * DAY_MS).getUTCFullYear();
  // 29 February comes within eight years.
  for (let next = thisYear; next <= thisYear + 8; next += 1) {
    const day = dayIn(next, nth, day1);
    if (day !== undefined && day >= today) return { day: isoOf(day) };
  }
  return undefined;
};

const named: Read = ({ name, next, past }, today) => {
  const ahead = (DAYS.indexOf(name ?? "") - weekday(today) + 7) % 7;
  if (past !== undefined) return { day: isoOf(today + ahead - 7) };
  // « mardi prochain », said on a Tuesday, is not today.
  return { day: isoOf(today + (ahead === 0 && next !== undefined ? 7 : ahead)) };
};

const dayOfMonth: Read = ({ date }, today) => {
  const [year, month] = isoOf(today).split("-").map(Number) as [number, number];
  for (let ahead = 0; ahead <= 2; ahead += 1) {
    const at = month - 1 + ahead;
    const day = dayIn(year + Math.floor(at / 12), (at % 12) + 1, Number(date));
    if (day !== undefined && day >= today) return { day: isoOf(day) };
  }
  return undefined;
};

const clock: Read = ({ hour, minute, half }) => {
  const [hours, minutes] = [Number(hour), half === undefined ? Number(minute ?? 0) : 30];
  return hours > 23 || minutes > 59 ? undefined : { time: `${two(hours)}:${two(minutes)}` };
};

const partOf = (text: string | undefined): Pick<When, "part"> => {
  if (text === undefined) return {};
  if (text.startsWith("mat")) return { part: "morning" };
  if (text === "midi") return { part: "noon" };
  return { part: text.startsWith("soir") ? "evening" : "afternoon" };
};

const DAY_NAMES = DAYS.join("|");
const MONTH_NAMES = `${MONTHS.join("|")}|janv|fev|avr|juil|sept|oct|nov|dec`;
const COUNT = `\\d{1,2}|${Object.keys(NUMBERS).join("|")}`;
const PART = "matin(?:ee)?|midi|apres[- ]?midi|aprem|soir(?:ee)?";
const WEEK = String.raw`\b(?:la |en )?sem(?:aine)? `;

/** In order: what stands first takes its place. */
const PATTERNS: readonly (readonly [RegExp, Read])[] = [
  [/\b(?<year>20\d\d)-(?<month>\d\d)-(?<date>\d\d)\b/g, written],
  [
    /\b(?<date>\d{1,2})[/.](?<month>\d{1,2})(?:[/.](?<year>20\d\d|\d\d))?\b(?! ?(?:€|eur|km))/g,
    written,
  ],
  [
    new RegExp(
      String.raw`\b(?:le )?(?:(?:${DAY_NAMES}) )?(?<date>1er|\d{1,2}) (?<month>${MONTH_NAMES})\b\.?(?: (?<year>20\d\d)\b)?`,
      "g",
    ),
    written,
  ],
  [
    /\bapres[- ]?demain(?: (?<part>matin|midi|apres[- ]?midi|soir))?\b/g,
    ({ part }, today) => ({ day: isoOf(today + 2), ...partOf(part) }),
  ],
  [
    new RegExp(String.raw`\bdemain(?: (?<part>${PART}))?\b`, "g"),
    ({ part }, today) => ({ day: isoOf(today + 1), ...partOf(part) }),
  ],
  [/\baujourd'? ?hui\b|\bajd\b|\bauj\b/g, (_, today) => ({ day: isoOf(today) })],
  [/\bhier\b/g, (_, today) => ({ day: isoOf(today - 1) })],
  [
    new RegExp(String.raw`\bcet?(?:te)? (?<part>${PART})\b`, "g"),
    ({ part }, today) => ({ day: isoOf(today), ...partOf(part) }),
  ],
  [
    new RegExp(
      String.raw`\b(?<name>${DAY_NAMES})(?: (?<next>prochain|qui vient)| (?<past>dernier))?\b`,
      "g",
    ),
    named,
  ],
  [
    new RegExp(
      String.raw`\bd'?(?:ans|ici) (?<count>${COUNT}) ?(?<unit>jours?|semaines?|mois)\b`,
      "g",
    ),
    ({ count, unit }, today) => {
      const days = number(count) * (unit?.startsWith("j") ? 1 : unit?.startsWith("s") ? 7 : 30);
      return { day: isoOf(today + days) };
    },
  ],
  [
    new RegExp(`${WEEK}(?:prochaine|d'apres|qui vient)\\b`, "g"),
    (_, today) => span(monday(today) + 7, 6),
  ],
  [/\bcette semaine\b/g, (_, today) => span(today, monday(today) + 6 - today)],
  [/\b(?:fin de|en fin de) semaine\b/g, (_, today) => span(monday(today) + 3, 3)],
  [
    /\b(?:ce |le )?week[- ]?end(?<next> prochain)?\b/g,
    ({ next }, today) => span(monday(today) + (next === undefined ? 5 : 12), 1),
  ],
  [/\ble (?<date>[12]?\d|3[01])\b(?! ?(?:km|€|eur|h\b|%|\d|[a-z]*dci|hdi|tdi))/g, dayOfMonth],
  [
    /\b(?:a|vers|des|avant|apres|pour|entre|de|et)? ?(?<hour>\d{1,2}) ?(?:h|heures?|:)(?<minute>[0-5]\d)?(?:\b| )(?<half>et demie)?/g,
    clock,
  ],
  [/\ba midi\b/g, () => ({ part: "noon" })],
  [
    /\b(?:en fin de |dans l'|l'|le )(?<part>matinee|apres[- ]?midi|journee|soiree|matin|soir)\b/g,
    ({ part }) => partOf(part === "journee" ? "apres-midi" : part),
  ],
  [/\b(?<part>matin|apres[- ]?midi|aprem)\b/g, ({ part }) => partOf(part)],
];

/** « mardi » and « vers 14h » are one appointment where only small words stand between them. */
const joined = (found: readonly When[], folded: string): readonly When[] => {
  const all: When[] = [];
  for (const when of found) {
    const last = all.at(-1);
    const between = last === undefined ? "" : folded.slice(last.to, when.from);
    const fits = last !== undefined && (last.day === undefined || when.day === undefined);
    const twice =
      (last?.time !== undefined && when.time !== undefined) ||
      (last?.part !== undefined && when.part !== undefined);
    if (fits && !twice && /^[ ,]*(?:a|vers|des|le|au|en|de)?[ ,]*$/.test(between))
      all[all.length - 1] = { ...last, ...when, from: last.from };
    else all.push(when);
  }
  return all;
};
