/** Corrective actions, the open ones first; what waits for a person can be decided here. */
import type { Action } from "../../../../src/contract/action.ts";
import { measure } from "../../format/unit.ts";
import { clock, since } from "../../format/time.ts";
import { serverNow } from "../../live/clock.ts";
import { useSlot } from "../../live/context.tsx";
import { useWords, type Words } from "../../locales/words.tsx";
import { Instant } from "../../parts/instant.tsx";
import { PageLink } from "../../shell/page-link.tsx";
import { useHeld } from "../use-held.ts";
import { ActionMark } from "./action-mark.tsx";
import { Decide } from "./decide.tsx";
import { isOpen, progressOf, titleOf } from "./progress.ts";

const openFirst = (a: Action, b: Action): number =>
  Number(isOpen(b)) - Number(isOpen(a)) || b.proposedAt.localeCompare(a.proposedAt);

type Props = { readonly items: readonly Action[]; readonly none: string };

export const ActionList = ({ items, none }: Props) => {
  const { t } = useWords();
  const { rows, waiting, release, guard } = useHeld(items.toSorted(openFirst));
  if (rows.length === 0 && waiting === 0) return <p className="calm">{none}</p>;
  return (
    <div className="actions" {...guard}>
      {waiting > 0 && (
        <button type="button" className="chip" onClick={release}>
          {t("alerts.waiting", { count: waiting })}
        </button>
      )}
      <ol>
        {rows.map(({ item }) => (
          <ActionRow key={item.id} action={item} />
        ))}
      </ol>
    </div>
  );
};

const ActionRow = ({ action }: { readonly action: Action }) => {
  const words = useWords();
  const { say, lang } = words;
  const now = serverNow(useSlot("overview"));
  const { id, name, service, region, state, why, changes, trigger, proposedAt } = action;
  return (
    <li className="action" data-action={id} data-open={isOpen(action)}>
      <div className="action-head">
        <ActionMark state={state} />
        <PageLink
          to={`/ops?tab=actions&action=${encodeURIComponent(id)}`}
          className="row-link strong"
          data-row
        >
          {titleOf(say(name), action, words)}
        </PageLink>
        <span className="quiet">{[id, service, region].filter(Boolean).join(" · ")}</span>
        <Instant at={proposedAt}>{since(lang, proposedAt, now)}</Instant>
      </div>
      <p className="quiet">
        {trigger.alert !== null && `${trigger.alert} · `}
        {say(trigger.text)}
      </p>
      <p>{effectOf(action, now, words)}</p>
      <Changes
        lines={changes.filter((one) => !say(trigger.text).includes(one))}
        title={titleOf(say(name), action, words)}
        name={say(name)}
      />
      {isOpen(action) && say(why) !== say(trigger.text) && <p className="quiet">{say(why)}</p>}
      <Decide action={action} />
    </li>
  );
};

type ChangesProps = {
  readonly lines: readonly string[];
  readonly title: string;
  readonly name: string;
};

/** As who carried them out words them; none where the title says it already. */
const Changes = ({ lines, title, name }: ChangesProps) => {
  const { t } = useWords();
  const [first] = lines;
  if (first === undefined || (lines.length === 1 && title !== name)) return null;
  const list = (
    <ul lang="en">
      {lines.map((one) => (
        <li key={one}>
          <code>{one}</code>
        </li>
      ))}
    </ul>
  );
  if (lines.length === 1) return list;
  return (
    <details className="changes">
      <summary>{t("action.changes", { count: lines.length })}</summary>
      {list}
    </details>
  );
};

/** What is under way, or what came of it. */
export const effectOf = (action: Action, nowMs: number, words: Words): string => {
  const { t, say, lang } = words;
  const { state, repairMs, endedAt, why } = action;
  if (isOpen(action)) {
    return progressOf({ ...action, owner: t("action.onCall") }, nowMs, words);
  }
  const at = endedAt === null ? "none" : clock(lang, endedAt);
  if (state === "verified" && repairMs !== null) {
    return t("action.repaired", { after: measure(lang, repairMs, "ms"), at });
  }
  return t("action.ended", { at, why: say(why) });
};
