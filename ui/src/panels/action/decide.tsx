/**
 * Approve, reject, undo: each with a reason that is written down.
 *
 * Who may not is told why, beside the button that is not his.
 */
import { lazy, Suspense, useState } from "react";
import type { Action } from "../../../../src/contract/action.ts";
import { useApi, useReload } from "../../live/context.tsx";
import { useWords } from "../../locales/words.tsx";
import { may } from "../../session/may.ts";
import { useSession } from "../../session/session.tsx";

const ReasonDialog = lazy(() => import("../../parts/reason-dialog.tsx"));

const DECISIONS = [
  { name: "approve", path: "actionApprove", least: "approver", on: "canApprove" },
  { name: "reject", path: "actionReject", least: "operator", on: "canApprove" },
  { name: "undo", path: "actionUndo", least: "operator", on: "canUndo" },
] as const;
type Decision = (typeof DECISIONS)[number];

export const Decide = ({ action }: { readonly action: Action }) => {
  const { t, say } = useWords();
  const { principal } = useSession();
  const api = useApi();
  const reload = useReload("actions");
  const [asked, ask] = useState<Decision>();
  const offered = DECISIONS.filter(({ on }) => action[on]);
  if (offered.length === 0 && asked === undefined) return null;
  const refused = offered.filter(({ least }) => !may(principal, least));
  const hint = `${action.id}-roles`;
  const send = async (reason: string) => {
    const { path } = asked ?? DECISIONS[0];
    const answer = await api.post(path, { reason }, { params: { id: action.id } });
    if (answer.ok) reload();
    return answer;
  };
  return (
    <div className="decide">
      {offered.map((one) => {
        const isRefused = refused.includes(one);
        return (
          <button
            key={one.name}
            type="button"
            className={one.name === "approve" ? "button button-main" : "button"}
            disabled={isRefused}
            aria-describedby={isRefused ? hint : undefined}
            onClick={() => ask(one)}
          >
            {t(`decide.${one.name}`)}
            <span className="hidden"> {action.id}</span>
          </button>
        );
      })}
      {refused.length > 0 && (
        <p id={hint} className="quiet">
          {refused
            .map(({ name, least }) => t(`decide.${name}.role`, { role: t(`role.${least}`) }))
            .join(" ")}
        </p>
      )}
      <Suspense>
        {asked !== undefined && (
          <ReasonDialog
            title={t(`decide.${asked.name}.title`, { id: action.id })}
            note={`${say(action.name)} · ${action.target}`}
            confirm={t(`decide.${asked.name}`)}
            send={send}
            onClose={() => ask(undefined)}
          />
        )}
      </Suspense>
    </div>
  );
};
