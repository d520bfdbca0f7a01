/**
 * Dates, money, people and sizes that cannot be true together.
 *
 * Units: days of the plan's calendar, euros, people, users.
 */
import type { Contradiction, ContradictionRule } from "./contradiction.ts";
import type { Path } from "./document.ts";
import { scheduledDates } from "./schedule.ts";
import type { Phase } from "./schema/phase.ts";
import type { Wave } from "./schema/wave.ts";
import { dateOfDay, dayNumber } from "./schema/words.ts";

/** A month is 28 to 31 days: a length in months is wrong only beyond that play. */
const DAYS_PER_MONTH = 30.44;
const MONTH_PLAY_DAYS = 4;

const day = (date: string): number => {
  const number = dayNumber(date);
  if (number === undefined) throw new Error(`a parsed plan holds days only, and ${date} is none`);
  return number;
};

const days = (count: number): string => (count === 1 ? "1 day" : `${count} days`);

const thousands = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+(?!\d))/g, ",");

const milestoneRule: ContradictionRule = ({ phases }) =>
  phases.flatMap((phase, p) =>
    phase.milestones.flatMap(({ id, date }, m): Contradiction[] => {
      const early = day(phase.start) - day(date);
      const late = day(date) - day(phase.end);
      if (early <= 0 && late <= 0) return [];
      const off = early > 0 ? `${days(early)} before it starts` : `${days(late)} after it ends`;
      return [
        {
          code: "milestone-outside-phase",
          path: ["phases", p, "milestones", m, "date"],
          message: `milestone ${id} on ${date} lies outside ${phase.id} (${phase.start} to ${
            phase.end
          }), ${off}`,
          figures: { date, start: phase.start, end: phase.end, days: Math.max(early, late) },
        },
      ];
    }),
  );

const phaseRule: ContradictionRule = ({ phases }) => {
  const ordered = phases.map((phase, index) => ({ phase, index }));
  ordered.sort((a, b) => a.phase.order - b.phase.order);
  return ordered.flatMap(({ phase, index }, at): Contradiction[] => {
    const previous = ordered[at - 1]?.phase;
    return lengthOf(phase, index).concat(previous ? seam(previous, phase, index) : []);
  });
};

const lengthOf = ({ id, start, end, duration }: Phase, index: number): Contradiction[] => {
  const lasted = day(end) - day(start) + 1;
  const said = duration.months
    ? { days: duration.months * DAYS_PER_MONTH, play: MONTH_PLAY_DAYS, text: "months" as const }
    : { days: (duration.weeks ?? 0) * 7, play: 0, text: "weeks" as const };
  if (duration.continuous === true || Math.abs(lasted - said.days) <= said.play) return [];
  const length = duration[said.text] ?? 0;
  return [
    {
      code: "phase-length-differs",
      path: ["phases", index, "duration"],
      message: `${id} runs ${days(lasted)} (${start} to ${end}), its duration says ${length} ${said.text}`,
      figures: { days: lasted, [said.text]: length },
    },
  ];
};

const seam = (previous: Phase, phase: Phase, index: number): Contradiction[] => {
  const gap = day(phase.start) - day(previous.end) - 1;
  if (gap >= 0) return [];
  return [
    {
      code: "phases-overlap",
      path: ["phases", index, "start"],
      message: `${phase.id} starts on ${phase.start}, ${days(-gap)} before ${previous.id} is over`,
      figures: { start: phase.start, previousEnd: previous.end, days: -gap },
    },
  ];
};

const budgetRule: ContradictionRule = ({ phases }) =>
  phases.flatMap(({ id, budget, milestones }, index): Contradiction[] => {
    const sum = milestones.reduce((total, { resources }) => total + resources.budgetEur, 0);
    const path: Path = ["phases", index, "budget"];
    const found: Contradiction[] = [];
    if (sum !== budget.totalEur) {
      found.push({
        code: "budget-differs",
        path: [...path, "totalEur"],
        message: `the milestones of ${id} add up to ${thousands(sum)} €, its budget is ${thousands(
          budget.totalEur,
        )} €`,
        figures: { milestonesEur: sum, totalEur: budget.totalEur },
      });
    }
    if (budget.infrastructureEur > budget.totalEur) {
      found.push({
        code: "infrastructure-over-budget",
        path: [...path, "infrastructureEur"],
        message: `infrastructure of ${id} costs ${thousands(
          budget.infrastructureEur,
        )} €, its whole budget is ${thousands(budget.totalEur)} €`,
        figures: { infrastructureEur: budget.infrastructureEur, totalEur: budget.totalEur },
      });
    }
    return found;
  });

const teamRule: ContradictionRule = ({ phases }) =>
  phases.flatMap(({ id: phase, team, milestones }, p) =>
    milestones.flatMap(({ id, resources }, m) =>
      (["dev", "ops", "qa"] as const).flatMap((discipline): Contradiction[] => {
        const asked = resources.people
          .filter((people) => people.discipline === discipline)
          .reduce((total, { count }) => total + count, 0);
        if (asked <= team[discipline]) return [];
        return [
          {
            code: "team-too-small",
            path: ["phases", p, "milestones", m, "resources", "people"],
            message: `milestone ${id} asks for ${asked} ${discipline}, ${phase} has ${team[discipline]}`,
            figures: { asked, team: team[discipline] },
          },
        ];
      }),
    ),
  );

const audienceRule: ContradictionRule = ({ phases }) =>
  phases.flatMap(({ audience }, p) =>
    (audience?.communities ?? []).flatMap(({ id, cap }, c): Contradiction[] => {
      if (audience === undefined || cap <= audience.cap) return [];
      return [
        {
          code: "community-over-cap",
          path: ["phases", p, "audience", "communities", c, "cap"],
          message: `${id} takes ${thousands(cap)} users, its phase ${thousands(audience.cap)}`,
          figures: { cap, phase: audience.cap },
        },
      ];
    }),
  );

const lastDay = ({ start, duration }: Wave): number | undefined => {
  if (duration.weeks !== undefined) return day(start) + duration.weeks * 7;
  if (duration.months === undefined) return undefined;
  return day(start) + Math.round(duration.months * DAYS_PER_MONTH);
};

const waveRule: ContradictionRule = (plan) => {
  const ordered = plan.waves.map((wave, index) => ({ wave, index }));
  ordered.sort((a, b) => a.wave.order - b.wave.order);
  const dates = new Map(
    plan.phases.flatMap(({ milestones }) => milestones.map(({ id, date }) => [id, date] as const)),
  );
  return ordered.flatMap(({ wave, index }, at): Contradiction[] => {
    const found: Contradiction[] = [];
    const path: Path = ["waves", index, "start"];
    const milestone = wave.milestone === undefined ? undefined : dates.get(wave.milestone);
    if (milestone !== undefined && milestone !== wave.start) {
      const message = `${wave.id} starts on ${wave.start}, its milestone is on ${milestone}`;
      const figures = { start: wave.start, milestone };
      found.push({ code: "wave-start-differs", path, message, figures });
    }
    const phase = plan.phases.find(({ id }) => id === wave.phase);
    if (phase && (wave.start < phase.start || wave.start > phase.end)) {
      const message = `${wave.id} starts on ${wave.start}, outside ${phase.id} (${phase.start} to ${phase.end})`;
      const figures = { start: wave.start, phaseStart: phase.start, phaseEnd: phase.end };
      found.push({ code: "wave-outside-phase", path, message, figures });
    }
    const before = ordered[at - 1]?.wave;
    const over = before === undefined ? undefined : lastDay(before);
    if (before && over !== undefined && over > day(wave.start)) {
      const message = `${wave.id} starts on ${wave.start}, ${before.id} lasts until ${dateOfDay(over)}`;
      const figures = { start: wave.start, previousEnd: dateOfDay(over) };
      found.push({ code: "waves-overlap", path, message, figures });
    }
    if (before && wave.cap !== null && wave.cap < (before.cap ?? Infinity)) {
      const cap = before.cap === null ? "no cap" : `a cap of ${thousands(before.cap)}`;
      const message = `${wave.id} has a cap of ${thousands(wave.cap)}, ${before.id} before it ${cap}`;
      const figures = { cap: wave.cap, previousCap: before.cap ?? "none" };
      found.push({ code: "caps-shrink", path: ["waves", index, "cap"], message, figures });
    }
    return found;
  });
};

/** The go/no-go of a day plan comes after the wave it decides on has started. */
const dayPlanRule: ContradictionRule = (plan) =>
  plan.dayPlans.flatMap(({ wave: waveId, activities }, d) =>
    activities.flatMap(({ id, day: offset, opensGate }, a): Contradiction[] => {
      const wave = plan.waves.find((one) => one.id === waveId);
      const next = plan.waves.find(({ gate }) => gate === opensGate);
      if (wave === undefined || opensGate === undefined || next === undefined) return [];
      const decided = dateOfDay(day(wave.start) + offset);
      if (decided <= next.start) return [];
      return [
        {
          code: "decision-after-start",
          path: ["dayPlans", d, "activities", a, "day"],
          message: `${id} decides on ${opensGate} on ${decided}, ${next.id} starts on ${next.start}`,
          figures: { decided, start: next.start },
        },
      ];
    }),
  );

const tierRule: ContradictionRule = ({ tiers, waves }) =>
  tiers.flatMap((tier, index): Contradiction[] => {
    const wave = waves.find(({ order }) => order === tier.order);
    if (wave === undefined || wave.users === tier.users) return [];
    return [
      {
        code: "tier-differs-from-wave",
        path: ["tiers", index, "users"],
        message: `${tier.id} is ${thousands(tier.users)} users, ${wave.id} ${thousands(wave.users)}`,
        figures: { tier: tier.users, wave: wave.users },
      },
    ];
  });

const toolRule: ContradictionRule = ({ monitoring }) =>
  monitoring.flatMap(({ id, tool }, index): Contradiction[] =>
    tool.ref === undefined
      ? [
          {
            code: "tool-not-in-stack",
            path: ["monitoring", index, "tool"],
            message: `${id} is watched with ${tool.name}, which is not among the tools`,
            figures: { tool: tool.name },
          },
        ]
      : [],
  );

const baselineRule: ContradictionRule = (plan) => {
  const known = new Set(scheduledDates(plan).map(({ key }) => key));
  return Object.keys(plan.baseline?.dates ?? {})
    .filter((key) => !known.has(key))
    .map((key) => ({
      code: "baseline-of-nothing",
      path: ["baseline", "dates", key],
      message: `the baseline remembers ${key}, which the plan no longer has`,
      figures: { key },
    }));
};

export const scheduleRules: readonly ContradictionRule[] = [
  milestoneRule,
  phaseRule,
  budgetRule,
  teamRule,
  audienceRule,
  waveRule,
  dayPlanRule,
  tierRule,
  toolRule,
  baselineRule,
];
