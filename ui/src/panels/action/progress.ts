/**
 * What a corrective action is doing, in one line: what it is, how far it is, when it should help.
 *
 * Units: instants are ISO 8601 strings; `nowMs` is the server's clock.
 */
import type { Action } from "../../../../src/contract/action.ts";
import type { AlertAction } from "../../../../src/contract/alert.ts";
import { ago, clock } from "../../format/time.ts";
import type { Words } from "../../locales/words.tsx";

type State = AlertAction["state"];

/** « Auto-scaling 2 → 4 instances »; other changes are told where there is room for them. */
export const titleOf = (name: string, action: Action | undefined, { t }: Words): string => {
  const [, from, to] = SCALING.exec(action?.changes[0] ?? "") ?? [];
  return from === undefined || to === undefined ? name : t("action.scaled", { name, from, to });
};
/** As the supervisor and the gateways word the effect of scaling. */
const SCALING = /: (\d+) → (\d+) replicas/;

type Told = {
  readonly state: State;
  readonly expectedAt: string | null;
  readonly startedAt: string | null;
  readonly owner: string;
};

/** « lancement il y a 2 min, retour attendu à 14:06 ». */
export const progressOf = (told: Told, nowMs: number, { t, lang }: Words): string => {
  const { state, expectedAt, startedAt, owner } = told;
  const due = expectedAt === null ? "none" : clock(lang, expectedAt);
  switch (state) {
    case "running":
    case "verifying": {
      const begun = startedAt === null ? "none" : ago(lang, nowMs - Date.parse(startedAt));
      return t(`action.progress.${state}`, { begun, due });
    }
    case "proposed":
      return t("action.progress.proposed", { due });
    case "escalated":
      return t("action.progress.escalated", { owner });
    default:
      return t(`action.progress.${state}`);
  }
};

const OPEN: ReadonlySet<State> = new Set([
  ...(["proposed", "approved", "running", "verifying", "rolling_back"] as const),
]);
export const isOpen = ({ state }: Pick<Action, "state">): boolean => OPEN.has(state);
