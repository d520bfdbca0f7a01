/** `novaevo action`: what is done by itself, and what people say about it. */
import type { Action as ActionView, ActionDetail, ActionList } from "../../contract/action.ts";
import { ask } from "./api.ts";
import { API_FLAGS } from "./api-flags.ts";
import type { Action, Asked, Command } from "./action.ts";
import { Misuse, oneOf, wholeNumber } from "./parse.ts";
import { age, table } from "./text.ts";

const STATES = ["open", "ended", "all"] as const;
const MAX_PAGE = 200;
const SHOWN_EVIDENCE_CHARS = 120;

const REASON = {
  reason: { value: "TEXT", says: "why, for the ledger; needed" },
  ...API_FLAGS,
} as const;

export const action: Command = {
  summary: "Corrective actions: list, show, approve, reject, undo",
  verbs: {
    list: {
      summary: "Actions, newest first, and what holds automation back",
      flags: {
        state: { value: STATES.join("|"), says: "all if not given" },
        service: { value: "ID", says: "only of this service" },
        limit: { value: "N", says: `at most ${MAX_PAGE}` },
        cursor: { value: "CURSOR", says: "where the page before ended" },
        ...API_FLAGS,
      },
      run: (asked) => {
        const state = oneOf(asked.flags, "state", STATES);
        const limit = wholeNumber(asked.flags, "limit", { min: 1, max: MAX_PAGE });
        const service = textOf(asked.flags["service"]);
        const query = { state, limit, service, cursor: textOf(asked.flags["cursor"]) };
        return ask(asked, "GET actions", { query }, listLines);
      },
    },
    show: {
      summary: "One action with its whole timeline",
      words: ["ID"],
      flags: API_FLAGS,
      run: (asked) => ask(asked, "GET action", { params: idOf(asked) }, detailLines),
    },
    approve: saying("Approve a proposed action; whoever asked for it cannot", "actionApprove"),
    reject: saying("Reject a proposed action: it is not executed", "actionReject"),
    undo: saying("Bring back what was before an action", "actionUndo"),
  },
};

function saying(summary: string, path: "actionApprove" | "actionReject" | "actionUndo"): Action {
  return {
    summary,
    words: ["ID"],
    flags: REASON,
    run: async (asked) => {
      const reason = textOf(asked.flags["reason"]);
      if (reason === undefined) throw new Misuse("--reason is missing: it goes into the ledger");
      const input = { params: idOf(asked), body: { reason } };
      return ask(asked, `POST ${path}`, input, (one) => actionTable([one]));
    },
  };
}

const idOf = ({ words: [id = ""] }: Pick<Asked, "words">) => ({ id });
const textOf = (flag: string | true | undefined): string | undefined =>
  flag === true ? undefined : flag;

const listLines = ({ items, held, isConnected, isStorm, next, ...more }: ActionList) => [
  ...actionTable(items),
  "",
  ...(isConnected ? [] : ["no supervisor and no gateway is connected: nothing is done by itself"]),
  ...(more.switch?.isOn === false ? [`switched off: ${more.switch.reason}`] : []),
  ...(isStorm ? ["storm: nothing new is begun until it is calmer"] : []),
  ...held.map((one) => `${one.alert}: ${one.playbook} waits, ${one.guard}: ${one.why.en}`),
  ...(next === undefined ? [] : [`more: --cursor ${next}`]),
];

const actionTable = (items: readonly ActionView[]): readonly string[] =>
  table(
    ["ACTION", "STATE", "ORIGIN", "TARGET", "SET OFF BY", "AT", "REPAIRED IN", "WHY"],
    items.map((one) => [
      ...[one.id, one.state, one.origin, one.target],
      one.trigger.alert ?? one.trigger.rule ?? one.trigger.kind,
      one.proposedAt,
      one.repairMs === null ? "—" : age(one.repairMs),
      one.why.en,
    ]),
  );

const detailLines = (one: ActionDetail): readonly string[] => [
  `${one.id}: ${one.name.en}: ${one.state}, ${one.why.en}`,
  one.trigger.text.en,
  ...one.changes.map((line) => `  ${line}`),
  `verified by: ${one.verification.text} within ${age(one.verification.withinMs)}`,
  `plan version ${one.planVersion}, proposed by ${one.proposedBy}` +
    (one.approvedBy === null ? "" : `, approved by ${one.approvedBy}`),
  "",
  ...table(
    ["AT", "STATE", "BY", "WHY", "EVIDENCE"],
    one.timeline.map((entry) => [
      ...[entry.at, entry.state, entry.actor, entry.why.en],
      JSON.stringify(entry.evidence).slice(0, SHOWN_EVIDENCE_CHARS),
    ]),
  ),
];
