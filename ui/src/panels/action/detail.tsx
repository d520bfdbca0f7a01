/** One action with its whole course: what set it off, each step, each change of state. */
import type { Action, ActionDetail } from "../../../../src/contract/action.ts";
import { clockSeconds } from "../../format/time.ts";
import { measure } from "../../format/unit.ts";
import { serverNow } from "../../live/clock.ts";
import { useSlot } from "../../live/context.tsx";
import { usePolled } from "../../live/use-polled.ts";
import { useWords } from "../../locales/words.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Instant } from "../../parts/instant.tsx";
import { FaultNotice, RowsSkeleton } from "../../parts/panel.tsx";
import { effectOf } from "./action-list.tsx";
import { ActionMark } from "./action-mark.tsx";
import { Decide } from "./decide.tsx";
import { titleOf } from "./progress.ts";

type Props = {
  readonly id: string;
  /** As the list has it now. */
  readonly listed: Action | undefined;
  readonly onClose: () => void;
};

const ActionSheet = ({ id, listed, onClose }: Props) => {
  const words = useWords();
  const {
    data: detail,
    fault,
    loading,
    retry,
  } = usePolled<ActionDetail>("action", {
    params: { id },
  });
  const name = listed ?? detail;
  return (
    <Dialog
      title={name === undefined ? id : titleOf(words.say(name.name), name, words)}
      note={[id, name?.service, name?.region].filter(Boolean).join(" · ")}
      shape="sheet"
      onClose={onClose}
    >
      {fault !== undefined && <FaultNotice fault={fault} busy={loading} onRetry={retry} />}
      {detail === undefined ? (
        fault === undefined && <RowsSkeleton rows={6} />
      ) : (
        <Course detail={listed === undefined ? detail : { ...detail, ...listed }} />
      )}
    </Dialog>
  );
};

export default ActionSheet;

const Course = ({ detail }: { readonly detail: ActionDetail }) => {
  const words = useWords();
  const { t, say, lang } = words;
  const now = serverNow(useSlot("overview"));
  const { state, trigger, proposedBy, approvedBy, origin, verification, steps, timeline } = detail;
  return (
    <>
      <p className="sheet-now">
        <ActionMark state={state} />
        <span className="quiet">{effectOf(detail, now, words)}</span>
      </p>
      <Decide action={detail} />
      <dl className="facts facts-wide">
        <div>
          <dt>{t("action.trigger")}</dt>
          <dd>
            {say(trigger.text)}
            {trigger.alert !== null && ` · ${trigger.alert}`}
          </dd>
        </div>
        <div>
          <dt>{t("action.origin")}</dt>
          <dd>
            {t(`action.origin.${origin}`)} · {proposedBy}
          </dd>
        </div>
        <div>
          <dt>{t("action.verification")}</dt>
          <dd>
            {t("action.within", { after: measure(lang, verification.withinMs, "ms") })}
            <code className="sub">{verification.text}</code>
          </dd>
        </div>
        {approvedBy !== null && (
          <div>
            <dt>{t("action.approvedBy")}</dt>
            <dd>{approvedBy}</dd>
          </div>
        )}
      </dl>
      <h3>{t("action.steps")}</h3>
      <ul className="steps" lang="en">
        {steps.map(({ effect, hasUndo }) => (
          <li key={effect}>
            <code>{effect}</code>
            {!hasUndo && (
              <span className="sub" lang={lang}>
                {t("action.noUndo")}
              </span>
            )}
          </li>
        ))}
      </ul>
      <h3>{t("action.timeline")}</h3>
      <ol className="timeline">
        {timeline.map(({ at, state: then, actor, why, event }) => (
          <li key={`${at} ${event} ${then}`}>
            <Instant at={at}>{clockSeconds(lang, at)}</Instant>
            <div>
              <ActionMark state={then} /> <span className="quiet">{actor}</span>
              <span className="sub">{say(why)}</span>
            </div>
          </li>
        ))}
      </ol>
    </>
  );
};
