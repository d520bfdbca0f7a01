/** Breaks something on purpose: a service, how much of it, how long, then the kind of fault. */
import { useState } from "react";
import type { FaultInForce, Rehearsal } from "../../../../src/contract/fault.ts";
import type { Fault } from "../../api/client.ts";
import { percent } from "../../format/number.ts";
import { age } from "../../format/time.ts";
import { useApi, useSlot } from "../../live/context.tsx";
import { useRehearsal } from "../../live/rehearsal.tsx";
import { useWords } from "../../locales/words.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Choice } from "./choice.tsx";
import { Refusal, useOperator } from "./operator.tsx";

type Kind = FaultInForce["kind"];
const SHARES = [0.25, 0.5, 1] as const;
const DURATIONS_MS = [30_000, 60_000, 120_000, 300_000, 600_000] as const;
const EVERYWHERE = "";
const EVERY_SERVICE = "*";

type Terms = { readonly region: string; readonly share: number; readonly forMs: number };
const FIRST_TERMS: Terms = { region: EVERYWHERE, share: 1, forMs: 120_000 };

export const BreakPanel = ({ rehearsal }: { readonly rehearsal: Rehearsal }) => {
  const { t, say } = useWords();
  const { mayAct, hint } = useOperator();
  const api = useApi();
  const { reload } = useRehearsal();
  const named = useSlot("services").data?.items;
  const [service, setService] = useState(rehearsal.services[0] ?? "");
  const [terms, setTerms] = useState(FIRST_TERMS);
  const { region, share, forMs } = terms;
  const [busy, setBusy] = useState<Kind>();
  const [refusal, setRefusal] = useState<Fault>();
  const inject = async (kind: Kind): Promise<void> => {
    if (busy !== undefined) return;
    setBusy(kind);
    const isRegion = kind === "region-loss";
    const answer = await api.post("faults", {
      ...{ kind, share, forMs, service: isRegion ? EVERY_SERVICE : service },
      ...(region === EVERYWHERE ? {} : { region }),
    });
    setBusy(undefined);
    setRefusal(answer.ok ? undefined : answer.fault);
    reload();
  };
  const nameOf = (id: string): string => {
    const found = named?.find((one) => one.id === id);
    return found === undefined ? id : say(found.name);
  };
  return (
    <Panel
      name="break"
      title={t("break.title")}
      note={t("break.note")}
      loading={false}
      onRetry={reload}
      skeleton={null}
    >
      <Choice
        label={t("services.service")}
        value={service}
        options={rehearsal.services.map((id) => [id, nameOf(id)])}
        onChoose={setService}
      />
      <TermsChoice regions={rehearsal.regions} terms={terms} onChange={setTerms} />
      <ul className="kinds" aria-label={t("break.kinds")}>
        {rehearsal.kinds.map((kind) => {
          const needsRegion = kind === "region-loss" && region === EVERYWHERE;
          return (
            <li key={kind}>
              <button
                type="button"
                className="button kind"
                disabled={!mayAct || needsRegion}
                aria-disabled={busy !== undefined}
                onClick={() => void inject(kind)}
              >
                <b>{t(`kind.${kind}`)}</b>
                <span className="sub">
                  {needsRegion ? t("break.chooseRegion") : t(`kind.${kind}.text`)}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
      {!mayAct && <p className="quiet">{hint}</p>}
      <Refusal fault={refusal} />
    </Panel>
  );
};

type TermsProps = {
  readonly regions: readonly string[];
  readonly terms: Terms;
  readonly onChange: (terms: Terms) => void;
};

const TermsChoice = ({ regions, terms, onChange }: TermsProps) => {
  const { t, lang } = useWords();
  return (
    <div className="break-terms">
      <Choice
        label={t("break.region")}
        value={terms.region}
        options={[
          [EVERYWHERE, t("break.everywhere")],
          ...regions.map((one) => [one, regionName(one)] as const),
        ]}
        onChoose={(region) => onChange({ ...terms, region })}
      />
      <Choice
        label={t("break.share")}
        value={String(terms.share)}
        options={SHARES.map((one) => [String(one), percent(lang, one)])}
        onChoose={(one) => onChange({ ...terms, share: Number(one) })}
      />
      <Choice
        label={t("break.duration")}
        value={String(terms.forMs)}
        options={DURATIONS_MS.map((one) => [String(one), age(lang, one)])}
        onChoose={(one) => onChange({ ...terms, forMs: Number(one) })}
      />
    </div>
  );
};

/** Regions are ids of one word: « paris » is shown as « Paris ». */
export const regionName = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1);
