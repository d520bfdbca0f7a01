/** `novaevo kpi | gate | alert`: what a running NovaEvo knows now. */
import type { Alert } from "../../contract/alert.ts";
import type { Gate, Kpi, KpiDetail, KpiList, Reading } from "../../contract/kpi.ts";
import { ask } from "./api.ts";
import { API_FLAGS } from "./api-flags.ts";
import type { Command } from "./action.ts";
import { oneOf, wholeNumber } from "./parse.ts";
import { age, count, table, value } from "./text.ts";

const MAX_READINGS = 2_000;
const MAX_PAGE = 200;
const SHOWN_READINGS = 20;
const STATES = ["firing", "resolved", "all"] as const;
const VERDICTS = ["pass", "fail", "unknown"] as const;
const CATEGORIES = ["technical", "user", "business", "operational"] as const;

const kpi: Command = {
  summary: "KPIs and their readings",
  verbs: {
    list: {
      summary: "Every KPI with its latest reading",
      flags: {
        verdict: { value: VERDICTS.join("|"), says: "only these" },
        category: { value: CATEGORIES.join("|"), says: "only these" },
        ...API_FLAGS,
      },
      run: async (asked) => {
        const verdict = oneOf(asked.flags, "verdict", VERDICTS);
        const category = oneOf(asked.flags, "category", CATEGORIES);
        const wanted = (one: Kpi): boolean =>
          (verdict === undefined || (one.reading?.verdict ?? "unknown") === verdict) &&
          (category === undefined || one.category === category);
        return ask(asked, "GET kpis", {}, kpiList, ({ items, counts }) => ({
          items: items.filter(wanted),
          counts,
        }));
      },
    },
    show: {
      summary: "One KPI and its readings",
      words: ["ID"],
      flags: {
        from: { value: "INSTANT", says: "2026-11-24T08:00:00Z; one hour ago if not given" },
        to: { value: "INSTANT", says: "now if not given" },
        limit: { value: "N", says: `readings, at most ${MAX_READINGS}` },
        ...API_FLAGS,
      },
      run: async (asked) => {
        const { from, to } = asked.flags;
        const limit = wholeNumber(asked.flags, "limit", { min: 1, max: MAX_READINGS });
        const query = { from: textOf(from), to: textOf(to), limit };
        return ask(asked, "GET kpi", { params: { id: idOf(asked.words) }, query }, kpiLines);
      },
    },
  },
};

const gate: Command = {
  summary: "Gates and the evidence of each criterion",
  verbs: {
    list: {
      summary: "Every gate with its verdict",
      flags: API_FLAGS,
      run: (asked) =>
        ask(asked, "GET gates", {}, ({ items }) =>
          table(
            ["GATE", "VERDICT", "PASSED", "DUE", "REASON"],
            items.map((one) => [
              one.current ? `${one.id} *` : one.id,
              one.verdict.toUpperCase(),
              `${one.passed}/${one.criteria.length}`,
              one.due?.slice(0, 10) ?? "—",
              one.reason.en,
            ]),
          ),
        ),
    },
    show: {
      summary: "One gate: each criterion with its evidence",
      words: ["ID"],
      flags: API_FLAGS,
      run: (asked) => ask(asked, "GET gate", { params: { id: idOf(asked.words) } }, gateLines),
    },
  },
};

const alert: Command = {
  summary: "Alerts, worst first",
  verbs: {
    list: {
      summary: "Alerts that fire, or all there were",
      flags: {
        state: { value: STATES.join("|"), says: "firing if not given" },
        limit: { value: "N", says: `at most ${MAX_PAGE}` },
        cursor: { value: "CURSOR", says: "where the page before ended" },
        ...API_FLAGS,
      },
      run: (asked) => {
        const state = oneOf(asked.flags, "state", STATES);
        const limit = wholeNumber(asked.flags, "limit", { min: 1, max: MAX_PAGE });
        const query = { state, limit, cursor: textOf(asked.flags["cursor"]) };
        return ask(asked, "GET alerts", { query }, ({ items, counts, next }) => [
          ...alertTable(items),
          "",
          `firing: ${counts.critical} critical, ${counts.error} error, ` +
            `${counts.warning} warning, ${counts.info} info`,
          ...(next === undefined ? [] : [`more: --cursor ${next}`]),
        ]);
      },
    },
    show: {
      summary: "One alert",
      words: ["ID"],
      flags: API_FLAGS,
      run: (asked) => ask(asked, "GET alert", { params: { id: idOf(asked.words) } }, alertLines),
    },
  },
};

export const board = { kpi, gate, alert };

const idOf = ([id = ""]: readonly string[]): string => id;
const textOf = (flag: string | true | undefined): string | undefined =>
  flag === true ? undefined : flag;

const kpiList = ({ items, counts }: KpiList): readonly string[] => [
  ...kpiTable(items),
  "",
  `${counts.pass} pass, ${counts.fail} fail, ${counts.unknown} unknown`,
];

const kpiTable = (items: readonly Kpi[]): readonly string[] =>
  table(
    ["KPI", "VERDICT", "VALUE", "TARGET", "AGE", "WHY"],
    items.map((one) => [
      one.breached ? `${one.id} !` : one.id,
      one.reading?.verdict ?? "unknown",
      value(one.reading?.value ?? null, one.unit),
      one.target.text,
      ageOf(one.reading),
      one.reading?.verdict === "pass" ? "" : (one.reading?.reason.en ?? "not read yet"),
    ]),
  );

const ageOf = (reading: Reading | null): string =>
  reading?.freshnessMs === null || reading === null ? "—" : age(reading.freshnessMs);

const kpiLines = (one: KpiDetail): readonly string[] => [
  `${one.id}: ${one.name.en}`,
  one.description.en,
  "",
  ...table(
    ["", ""],
    [
      ["verdict", one.reading?.verdict ?? "unknown"],
      ["value", value(one.reading?.value ?? null, one.unit)],
      ["why", one.reading?.reason.en ?? "not read yet"],
      ["target", one.target.text],
      ["alert", `${one.alert.text}${one.breached ? " (breached)" : ""}`],
      ["frequency", one.frequency],
      ["owner", one.owner.en],
      ["source", `${one.source.kind}: ${one.source.text}`],
    ],
  ).slice(1),
  "",
  `${count(one.readings.length, "reading")}, the last ${SHOWN_READINGS} at most:`,
  ...table(
    ["AT", "VERDICT", "VALUE"],
    one.readings
      .slice(-SHOWN_READINGS)
      .map((point) => [point.at, point.verdict, value(point.value, one.unit)]),
  ),
];

const gateLines = (one: Gate): readonly string[] => [
  `${one.id}: ${one.name.en}: ${one.verdict.toUpperCase()}, ${one.reason.en}`,
  `from ${one.from.en} to ${one.to.en}, judged ${one.evaluatedAt}`,
  "",
  ...table(
    ["CRITERION", "VERDICT", "VALUE", "TARGET", "EVIDENCE", "WHY"],
    one.criteria.map((criterion) => [
      criterion.id,
      criterion.verdict,
      value(criterion.value, criterion.unit),
      criterion.target,
      criterion.source,
      criterion.reason.en,
    ]),
  ),
];

const alertTable = (items: readonly Alert[]): readonly string[] =>
  table(
    ["ALERT", "SEVERITY", "STATE", "SINCE", "VALUE", "THRESHOLD", "TITLE"],
    items.map((one) => [
      one.id,
      one.severity,
      one.state,
      one.startedAt,
      value(one.value, one.unit),
      one.threshold,
      one.title.en,
    ]),
  );

const alertLines = (one: Alert): readonly string[] => [
  `${one.id}: ${one.title.en}`,
  "",
  ...table(
    ["", ""],
    [
      ["severity", one.severity],
      ["state", one.state],
      ["breached", one.breachedAt],
      ["since", one.startedAt],
      ["resolved", one.resolvedAt ?? "—"],
      ["value", value(one.value, one.unit)],
      ["threshold", one.threshold],
      ["owner", one.owner.en],
      ["KPI", one.kpi ?? "—"],
      ["rule", one.rule ?? "—"],
      ["service", one.service ?? "—"],
      [
        "action",
        one.action === null ? "—" : `${one.action.id} ${one.action.name.en}: ${one.action.state}`,
      ],
      ["note", one.note?.en ?? "—"],
    ],
  ).slice(1),
];
