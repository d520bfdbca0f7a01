/** Tells screen readers, the title and the tab's icon what changed among the alerts. */
import { useEffect, useRef, useState } from "react";
import type { Alert } from "../../../src/contract/alert.ts";
import criticalIcon from "../icon-critical.svg";
import plainIcon from "../icon.svg";
import { notice, silent } from "../live/announce.ts";
import { useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";

const POLL_MS = 1_000;

export const Announcer = () => {
  const { t, say } = useWords();
  const { data } = useSlot("alerts");
  const state = useRef(silent);
  const [urgent, setUrgent] = useState("");
  const [polite, setPolite] = useState("");
  const alerts = data?.items;

  useEffect(() => {
    if (alerts === undefined) return undefined;
    const tell = (): void => {
      const said = notice(state.current, alerts, performance.now());
      state.current = said.state;
      if (said.criticals.length > 0) setUrgent(sentence(said.criticals, "announce.critical"));
      if (said.polite.length > 0) setPolite(sentence(said.polite, "announce.others"));
    };
    const sentence = (news: readonly Alert[], id: string): string =>
      t(id, { count: news.length, titles: news.map(({ title }) => say(title)).join(", ") });
    tell();
    // Gathered news may fall due without another frame.
    const timer = setInterval(tell, POLL_MS);
    return () => clearInterval(timer);
  }, [alerts, t, say]);

  return (
    <>
      <div className="hidden" role="alert" data-testid="assertive">
        {urgent}
      </div>
      <output className="hidden" data-testid="polite">
        {polite}
      </output>
    </>
  );
};

/** `(1!) Exploitation · NovaEvo` while a critical fires. */
export const useTitle = (page: string): void => {
  const { data } = useSlot("alerts");
  const criticals = data?.counts.critical ?? 0;
  useEffect(() => {
    document.title = `${criticals > 0 ? `(${criticals}!) ` : ""}${page} · NovaEvo`;
    const icon = document.querySelector<HTMLLinkElement>("#icon");
    const href = criticals > 0 ? criticalIcon : plainIcon;
    if (icon !== null && !icon.href.endsWith(href)) icon.href = href;
  }, [criticals, page]);
};
