/**
 * Targets and thresholds that cannot hold together, tried by arithmetic on the plan's own figures.
 *
 * Units: a target is tried at its limit: `> 350` over `< 120` guarantees 350 ÷ 120 and no more.
 */
import type { Contradiction, ContradictionRule } from "./contradiction.ts";
import type { Path } from "./document.ts";
import type { Measure, Relation } from "./schema/measure.ts";
import { RISK_LEVELS, type Risk } from "./schema/risk.ts";
import type { Operator } from "./schema/words.ts";
import type { Plan } from "./schema/whole.ts";

type Bound = { readonly op: Operator; readonly value: number };

/** At most this many digits after the point in a message. */
const DIGITS = 2;

const figure = (value: number): string => {
  const scale = 10 ** DIGITS;
  return String(Math.round(value * scale) / scale);
};

const percent = (share: number): string => `${figure(share * 100)}%`;

const SUFFIXES: { readonly [U in Measure["unit"]]: string } = {
  ratio: "%",
  quotient: ":1",
  eur: " €",
  ms: " ms",
  minutes: " min",
  hours: " h",
  score5: "/5",
  count: "",
  nps: "",
};

const shown = (unit: Measure["unit"], value: number): string =>
  unit === "ratio" ? percent(value) : `${figure(value)}${SUFFIXES[unit]}`;

const COMPARE: { readonly [O in Operator]: (reached: number, value: number) => boolean } = {
  "<": (reached, value) => reached < value,
  "<=": (reached, value) => reached <= value,
  ">": (reached, value) => reached > value,
  ">=": (reached, value) => reached >= value,
  "=": (reached, value) => reached === value,
};

const holds = ({ op, value }: Bound, reached: number): boolean => COMPARE[op](reached, value);

/** Meeting each part only just: does the whole meet its bound? A strict part helps a weak whole. */
const guarantees = (whole: Bound, atLimit: number, strictParts: boolean): boolean =>
  holds(whole, atLimit) || (strictParts && atLimit === whole.value && whole.op !== "=");

const isStrict = ({ op }: Bound): boolean => op === "<" || op === ">";

const targetsOf = (plan: Plan, measure: string) =>
  plan.kpis.flatMap((kpi, index) =>
    kpi.measure === measure ? [{ kpi, path: ["kpis", index, "target"] as Path }] : [],
  );

const unitOf = (plan: Plan, measure: string): Measure["unit"] =>
  plan.measures.find(({ id }) => id === measure)?.unit ?? "count";

const HOURS = { hours: 1, minutes: 1 / 60, ms: 1 / 3_600_000 } as const;

const inHours = (unit: Measure["unit"], value: number): number | undefined =>
  unit in HOURS ? value * HOURS[unit as keyof typeof HOURS] : undefined;

/** The targets of a relation's parts, where every part has a KPI. */
const relationRule: ContradictionRule = (plan) =>
  plan.relations.flatMap((relation) => {
    const [first, second] =
      relation.kind === "quotient"
        ? [relation.numerator, relation.denominator]
        : [relation.mtbf, relation.mttr];
    return targetsOf(plan, relation.of).flatMap((whole) =>
      targetsOf(plan, first).flatMap((a) =>
        targetsOf(plan, second).flatMap((b) => {
          const found = tryRelation(plan, relation, whole.kpi.target, a.kpi.target, b.kpi.target);
          return found === undefined ? [] : [{ ...found, path: whole.path }];
        }),
      ),
    );
  });

const tryRelation = (
  plan: Plan,
  relation: Relation,
  whole: Bound,
  a: Bound,
  b: Bound,
): Omit<Contradiction, "path"> | undefined => {
  const strict = isStrict(a) || isStrict(b);
  if (relation.kind === "quotient") {
    if (b.value === 0) return undefined;
    const reached = a.value / b.value;
    if (guarantees(whole, reached, strict)) return undefined;
    const units = [unitOf(plan, relation.numerator), unitOf(plan, relation.denominator)] as const;
    const parts = `${relation.numerator} ${a.op} ${shown(units[0], a.value)} with ${
      relation.denominator
    } ${b.op} ${shown(units[1], b.value)}`;
    const unit = unitOf(plan, relation.of);
    const needs = `${relation.numerator} ${shown(units[0], whole.value * b.value)}, or ${
      relation.denominator
    } ${shown(units[1], a.value / whole.value)}`;
    return {
      code: "quotient-out-of-reach",
      message: `${parts} guarantees ${shown(unit, reached)}, the target of ${relation.of} is ${
        whole.op
      } ${shown(unit, whole.value)}; it needs ${needs}`,
      figures: { numerator: a.value, denominator: b.value, reached, target: whole.value },
    };
  }
  const units = [unitOf(plan, relation.mtbf), unitOf(plan, relation.mttr)] as const;
  const mtbfHours = inHours(units[0], a.value);
  const mttrHours = inHours(units[1], b.value);
  if (mtbfHours === undefined || mttrHours === undefined || mtbfHours <= 0) return undefined;
  const reached = mtbfHours / (mtbfHours + mttrHours);
  if (guarantees(whole, reached, strict)) return undefined;
  const repairMinutes = mtbfHours * (1 / whole.value - 1) * 60;
  return {
    code: "uptime-out-of-reach",
    message: `${relation.mtbf} ${a.op} ${shown(units[0], a.value)} with ${relation.mttr} ${
      b.op
    } ${shown(units[1], b.value)} guarantees ${percent(reached)}, the target of ${
      relation.of
    } is ${whole.op} ${percent(whole.value)}; it needs repairs within ${figure(repairMinutes)} min`,
    figures: { mtbfHours, mttrHours, reached, target: whole.value },
  };
};

/** An alert that fires while the target is met. */
const alertInsideTargetRule: ContradictionRule = (plan) =>
  plan.kpis.flatMap((kpi, index): Contradiction[] => {
    const unit = unitOf(plan, kpi.measure);
    // Only the two limits matter: the alert's own one must not satisfy the target strictly inside.
    const met = kpi.alert.value !== kpi.target.value && holds(kpi.target, kpi.alert.value);
    if (!met) return [];
    const said = `${kpi.alert.op} ${shown(unit, kpi.alert.value)}`;
    return [
      {
        code: "alert-inside-target",
        path: ["kpis", index, "alert"],
        message: `the alert (${said}) fires while the target (${kpi.target.op} ${shown(
          unit,
          kpi.target.value,
        )}) is met`,
        figures: { alert: kpi.alert.value, target: kpi.target.value },
      },
    ];
  });

type Said = { readonly who: string; readonly measure: string; readonly bound: Bound; path: Path };

/** Two thresholds of one purpose for one measure, or for a measure and what it is part of. */
const differing = (
  plan: Plan,
  code: string,
  word: string,
  registry: readonly Said[],
  others: readonly Said[],
): Contradiction[] => {
  const wholeOf = (measure: string): string =>
    plan.measures.find(({ id }) => id === measure)?.partOf ?? measure;
  return others.flatMap((other) =>
    registry.flatMap((kpi): Contradiction[] => {
      if (wholeOf(other.measure) !== wholeOf(kpi.measure)) return [];
      if (other.bound.op === kpi.bound.op && other.bound.value === kpi.bound.value) return [];
      const unit = unitOf(plan, kpi.measure);
      const say = ({ who, bound }: Said): string =>
        `${who} ${bound.op} ${shown(unit, bound.value)}`;
      const of = other.measure === kpi.measure ? "" : `, which ${other.measure} is part of`;
      return [
        {
          code,
          path: other.path,
          message: `different ${word} for ${kpi.measure}${of}: ${say(other)}, ${say(kpi)}`,
          figures: { here: other.bound.value, kpi: kpi.bound.value },
        },
      ];
    }),
  );
};

const thresholdRule: ContradictionRule = (plan) => [
  ...differing(
    plan,
    "alert-threshold-differs",
    "alert thresholds",
    plan.kpis.map(({ id, measure, alert }, index) => {
      return { who: `KPI ${id}`, measure, bound: alert, path: ["kpis", index, "alert"] };
    }),
    plan.monitoring.map(({ id, measure, alert }, index) => {
      return {
        who: `monitoring ${id}`,
        measure,
        bound: alert,
        path: ["monitoring", index, "alert"],
      };
    }),
  ),
  ...differing(
    plan,
    "target-differs",
    "thresholds to meet",
    plan.kpis.map(({ id, measure, target }, index) => {
      return { who: `KPI ${id}`, measure, bound: target, path: ["kpis", index, "target"] };
    }),
    plan.gates.flatMap(({ id, criteria }, gate) =>
      criteria.flatMap((criterion, index): Said[] =>
        criterion.kind === "measure"
          ? [
              {
                who: id,
                measure: criterion.measure,
                bound: criterion,
                path: ["gates", gate, "criteria", index, "value"],
              },
            ]
          : [],
      ),
    ),
  ),
];

/** Steps a scale may have; risk matrices use 5, and nobody has been seen to use more than 10. */
const MAX_STEPS = 10;
const USUAL_SCALE = [1, 2, 3, 4, 5];

/** Every strictly growing scale of so many words with steps 1 to MAX_STEPS. */
const scales = (words: number, from = 1): number[][] => {
  if (words === 0) return [[]];
  const found: number[][] = [];
  for (let step = from; step <= MAX_STEPS - words + 1; step += 1) {
    for (const rest of scales(words - 1, step + 1)) found.push([step, ...rest]);
  }
  return found;
};

const used = (words: readonly Risk["impact"][]): Risk["impact"][] =>
  RISK_LEVELS.filter((level) => words.includes(level));

const usualLevel = (word: Risk["impact"]): number => USUAL_SCALE[RISK_LEVELS.indexOf(word)] ?? 0;

const riskRule: ContradictionRule = ({ risks }) => {
  const probabilities = used(risks.map(({ probability }) => probability));
  const impacts = used(risks.map(({ impact }) => impact));
  const fits = (p: readonly number[], i: readonly number[]): boolean =>
    risks.every(
      (risk) =>
        (p[probabilities.indexOf(risk.probability)] ?? 0) *
          (i[impacts.indexOf(risk.impact)] ?? 0) ===
        risk.score,
    );
  const impactScales = scales(impacts.length);
  if (scales(probabilities.length).some((p) => impactScales.some((i) => fits(p, i)))) return [];
  const said = risks.map(({ id, probability, impact, score }) => {
    const usual = usualLevel(probability) * usualLevel(impact);
    const off = usual === score ? "" : ` (${usual} on a scale of 1 to 5)`;
    return `${id} ${probability} × ${impact} = ${score}${off}`;
  });
  return [
    {
      code: "risk-scores-no-scale",
      path: ["risks"],
      message: `the scores fit no single probability × impact scale: ${said.join(", ")}`,
      figures: Object.fromEntries(risks.map(({ id, score }) => [id, score])),
    },
  ];
};

export const targetRules: readonly ContradictionRule[] = [
  relationRule,
  alertInsideTargetRule,
  thresholdRule,
  riskRule,
];
