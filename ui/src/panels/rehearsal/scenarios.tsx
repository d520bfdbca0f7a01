/** Scenarios: written sequences of faults, one at a time. */
import { useState } from "react";
import type { Rehearsal } from "../../../../src/contract/fault.ts";
import type { Fault } from "../../api/client.ts";
import { useApi } from "../../live/context.tsx";
import { useRehearsal } from "../../live/rehearsal.tsx";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Left } from "./in-force.tsx";
import { Refusal, useOperator } from "./operator.tsx";

export const ScenariosPanel = ({ rehearsal }: { readonly rehearsal: Rehearsal }) => {
  const { t, say } = useWords();
  const { mayAct } = useOperator();
  const api = useApi();
  const { reload } = useRehearsal();
  const [refusal, setRefusal] = useState<Fault>();
  const { scenarios, running } = rehearsal;
  const start = async (scenario: string): Promise<void> => {
    const answer = await api.post("scenarios", { scenario });
    setRefusal(answer.ok ? undefined : answer.fault);
    reload();
  };
  return (
    <Panel
      name="scenarios"
      title={t("scenarios.title")}
      note={running === null ? undefined : t("scenarios.one")}
      loading={false}
      onRetry={reload}
      skeleton={null}
    >
      {scenarios.length === 0 && <p className="calm">{t("scenarios.none")}</p>}
      <ul className="in-force">
        {scenarios.map(({ id, name }) => (
          <li key={id}>
            <div>
              {say(name)}
              <code className="sub">{id}</code>
            </div>
            {running?.id === id ? (
              <>
                <span className="mark mark-info">
                  <Glyph shape="play" />
                  {t("scenarios.running")}
                </span>
                <Left until={running.until} />
              </>
            ) : (
              <button
                type="button"
                className="button"
                disabled={!mayAct || running !== null}
                onClick={() => void start(id)}
              >
                <Glyph shape="play" />
                {t("scenarios.start")}
                <span className="hidden"> {say(name)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <Refusal fault={refusal} />
    </Panel>
  );
};
