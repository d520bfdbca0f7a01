/** The simulated users: how much they do, what they see, and whether the measurement counts. */
import { useId, useState } from "react";
import type { UserLoad } from "../../../../src/contract/fault.ts";
import type { Fault } from "../../api/client.ts";
import { MISSING, number, percent } from "../../format/number.ts";
import { measure } from "../../format/unit.ts";
import { useApi } from "../../live/context.tsx";
import { usePolled } from "../../live/use-polled.ts";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Panel, RowsSkeleton } from "../../parts/panel.tsx";
import { Choice } from "./choice.tsx";
import { Refusal, useOperator } from "./operator.tsx";

const MAX_SHARE = 3;
const STEP = 0.01;
const SHAPES = ["day", "peak"] as const;

export const LoadPanel = () => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<UserLoad>("userLoad");
  return (
    <Panel
      name="load"
      title={t("load.title")}
      note={t("load.note")}
      fault={fault}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={4} />}
    >
      {data && (
        <>
          <LoadForm key={`${data.share} ${data.shape}`} load={data} onDone={retry} />
          <LoadFigures load={data} />
        </>
      )}
    </Panel>
  );
};

type FormProps = { readonly load: UserLoad; readonly onDone: () => void };

const LoadForm = ({ load, onDone }: FormProps) => {
  const { t, lang } = useWords();
  const { mayAct, hint } = useOperator();
  const api = useApi();
  const id = useId();
  const [share, setShare] = useState(load.share);
  const [shape, setShape] = useState(load.shape);
  const [refusal, setRefusal] = useState<Fault>();
  const isChanged = share !== load.share || shape !== load.shape;
  const apply = async (): Promise<void> => {
    const answer = await api.put("userLoad", { share, shape });
    setRefusal(answer.ok ? undefined : answer.fault);
    onDone();
  };
  return (
    <form
      className="load-form"
      onSubmit={(event) => {
        event.preventDefault();
        void apply();
      }}
    >
      <label htmlFor={id}>{t("load.share")}</label>
      <div className="load-slider">
        <input
          id={id}
          type="range"
          min={0}
          max={Math.max(MAX_SHARE, load.share)}
          step={STEP}
          value={share}
          disabled={!mayAct}
          aria-valuetext={percent(lang, share)}
          onChange={(event) => setShare(Number(event.target.value))}
        />
        <output htmlFor={id}>{percent(lang, share)}</output>
      </div>
      <Choice
        label={t("load.shape")}
        value={shape}
        options={SHAPES.map((one) => [one, t(`load.shape.${one}`)])}
        onChoose={(one) => setShape(one === "peak" ? "peak" : "day")}
      />
      <button type="submit" className="button button-main" disabled={!mayAct || !isChanged}>
        {t("load.apply")}
      </button>
      {!mayAct && <p className="quiet">{hint}</p>}
      <Refusal fault={refusal} />
    </form>
  );
};

const VERDICTS = {
  valid: ["check", "mark-ok"],
  void: ["cross", "mark-down"],
  unknown: ["question", "mark-unknown"],
} as const;

const LoadFigures = ({ load }: { readonly load: UserLoad }) => {
  const { t, lang } = useWords();
  const { requestsPerS, nominalPerS, distinctUsers, registeredUsers, verdict, why } = load;
  const { latencyMs, errorShare } = load;
  const [shape, look] = VERDICTS[verdict];
  const facts = [
    ["load.nominal", measure(lang, nominalPerS, "req/s")],
    [
      "load.users",
      t("load.of", { some: number(lang, distinctUsers), all: number(lang, registeredUsers) }),
    ],
    ["load.errors", errorShare === null ? MISSING : percent(lang, errorShare, 2)],
    ["load.p50", measure(lang, latencyMs.p50, "ms")],
    ["load.p95", measure(lang, latencyMs.p95, "ms")],
    ["load.p99", measure(lang, latencyMs.p99, "ms")],
  ] as const;
  return (
    <>
      <p className="sheet-now">
        <span className="sheet-value">{measure(lang, requestsPerS, "req/s")}</span>
        <span className={`mark ${look}`}>
          <Glyph shape={shape} />
          {t(`load.verdict.${verdict}`)}
        </span>
      </p>
      {why !== "" && (
        <p className="quiet" lang="en">
          {why}
        </p>
      )}
      <dl className="facts load-facts">
        {facts.map(([id, value]) => (
          <div key={id}>
            <dt>{t(id)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
};
