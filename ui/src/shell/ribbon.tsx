/** The five-second answer, on every page: worst alert, phase, verdict and its reason, data age. */
import { ago } from "../format/time.ts";
import type { Overview } from "../../../src/contract/ops.ts";
import { sampleAgeMs } from "../live/clock.ts";
import { useLink, useReload, useSlot } from "../live/context.tsx";
import type { Link } from "../live/live.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { VerdictMark, WorstBadge } from "../parts/marks.tsx";
import { FaultNotice } from "../parts/panel.tsx";
import { PageLink } from "./page-link.tsx";

/** Older than this, measurements are late even if the stream is alive. */
const LATE_MS = 15_000;

export const Ribbon = () => {
  const { t } = useWords();
  const slot = useSlot("overview");
  const reload = useReload("overview");
  return (
    <section className="ribbon" aria-label={t("ribbon.label")} data-testid="ribbon">
      {slot.data !== undefined ? (
        <Answer overview={slot.data} />
      ) : slot.fault !== undefined ? (
        <FaultNotice fault={slot.fault} busy={slot.loading} onRetry={reload} />
      ) : (
        <>
          <span className="skeleton ribbon-skeleton" />
          <span className="skeleton ribbon-skeleton ribbon-skeleton-long" />
        </>
      )}
      <DataAge />
    </section>
  );
};

const Answer = ({ overview }: { readonly overview: Overview }) => {
  const { t, say } = useWords();
  const { topSeverity, counts, kpis, phase, wave, verdict, reason } = overview;
  return (
    <>
      <PageLink to="/ops" className="ribbon-alert">
        {topSeverity !== null ? (
          <WorstBadge severity={topSeverity} count={counts[topSeverity]} />
        ) : kpis.pass + kpis.fail > 0 ? (
          <span className="mark mark-ok">
            <Glyph shape="check" />
            {t("ribbon.noAlert")}
          </span>
        ) : (
          <span className="mark mark-unknown">
            <Glyph shape="question" />
            {t("ribbon.noMeasure")}
          </span>
        )}
      </PageLink>
      <span className="ribbon-phase">
        {phase === null ? (
          t("ribbon.noPlan")
        ) : (
          <>
            <span className="ribbon-key">{t("ribbon.phase")}</span> <b>{say(phase.name)}</b>
          </>
        )}
        {wave !== null && (
          <b>
            {" · "}
            {say(wave.name)}
            {" · "}
            {t("ribbon.day", { day: wave.day < 0 ? `−${-wave.day}` : `+${wave.day}` })}
          </b>
        )}
      </span>
      {verdict !== null && (
        <PageLink to="/go" className="ribbon-verdict">
          <span className="ribbon-key">{t("ribbon.verdict")}</span>
          <VerdictMark verdict={verdict} of="gate" />
          {reason !== null && (
            <span className="ribbon-reason" title={say(reason)}>
              {say(reason)}
            </span>
          )}
        </PageLink>
      )}
    </>
  );
};

/** Ticks every second through the link's silence and the overview's frames. */
const DataAge = () => {
  const { t, lang } = useWords();
  const link = useLink();
  const overview = useSlot("overview");
  const age = sampleAgeMs(overview);
  const { state, shape } = condition(link, age);
  return (
    <span className="ribbon-age" data-link={state} title={t(`link.${state}.title`)}>
      <span className={`pulse pulse-${state}`}>
        <Glyph shape={shape} />
      </span>
      {t(`link.${state}`)}
      {age !== undefined && ` · ${ago(lang, age)}`}
      {age === undefined && overview.data !== undefined && ` · ${t("link.noSample")}`}
    </span>
  );
};

type Condition = {
  readonly state: "live" | "late" | "cut" | "opening";
  readonly shape: "dot" | "triangle";
};

const condition = (link: Link, ageMs: number | undefined): Condition => {
  if (link.stale) return { state: "cut", shape: "triangle" };
  if (!link.everHeard) return { state: "opening", shape: "dot" };
  if (ageMs !== undefined && ageMs > LATE_MS) return { state: "late", shape: "triangle" };
  return { state: "live", shape: "dot" };
};
