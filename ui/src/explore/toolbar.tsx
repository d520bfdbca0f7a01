/** The stretch of time, the refresh, and what asks. */
import { useState, type SubmitEvent } from "react";
import { fromParisField, since, toParisField } from "../format/time.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { between, durationMs, durationText, LASTS, moved, type Range, type Span } from "./range.ts";
import { REFRESHES_MS } from "./state.ts";

type Props = {
  readonly range: Range;
  readonly span: Span;
  readonly refreshMs: number;
  readonly loading: boolean;
  readonly onRange: (range: Range) => void;
  readonly onRefresh: (ms: number) => void;
  readonly onRun: () => void;
};

export const Toolbar = (props: Props) => {
  const { range, span, refreshMs, loading, onRange, onRefresh, onRun } = props;
  const { t } = useWords();
  const [isExact, setExact] = useState(false);
  const shift = (share: number): void => {
    const to = moved(span, share);
    if (to !== undefined) onRange(to);
  };
  return (
    <fieldset className="toolbar">
      <legend className="hidden">{t("explore.tools")}</legend>
      <RangeSelect range={range} onRange={onRange} onExact={() => setExact(true)} />
      <span className="button-pair">
        <button
          type="button"
          className="button button-square"
          aria-label={t("explore.earlier")}
          title={t("explore.earlier")}
          onClick={() => shift(-0.5)}
        >
          <Glyph shape="left" />
        </button>
        <button
          type="button"
          className="button button-square"
          aria-label={t("explore.later")}
          title={t("explore.later")}
          disabled={range.kind === "last"}
          onClick={() => shift(0.5)}
        >
          <Glyph shape="right" />
        </button>
      </span>
      <label className="select">
        <span className="hidden">{t("explore.refresh")}</span>
        <select
          value={refreshMs}
          disabled={range.kind === "between"}
          onChange={({ target }) => onRefresh(Number(target.value))}
        >
          {REFRESHES_MS.map((ms) => (
            <option key={ms} value={ms}>
              {ms === 0 ? t("explore.refreshOff") : t("explore.refreshEach", { s: ms / 1_000 })}
            </option>
          ))}
        </select>
        <Glyph shape="chevron" />
      </label>
      <button
        type="button"
        className="button button-main run"
        title={t("explore.runKeys")}
        onClick={onRun}
      >
        <Glyph shape={loading ? "retry" : "play"} />
        {t("explore.run")}
      </button>
      {isExact && <ExactRange span={span} onRange={onRange} onClose={() => setExact(false)} />}
    </fieldset>
  );
};

type SelectProps = {
  readonly range: Range;
  readonly onRange: (range: Range) => void;
  readonly onExact: () => void;
};

const EXACT = "exact";
const CURRENT = "current";

const RangeSelect = ({ range, onRange, onExact }: SelectProps) => {
  const { t, lang } = useWords();
  const known = range.kind === "last" ? durationText(range.ms) : CURRENT;
  const [nowMs] = useState(() => Date.now());
  const isListed = LASTS.some((one) => one === known);
  const choose = (value: string): void => {
    if (value === EXACT) return onExact();
    const ms = durationMs(value);
    if (ms !== undefined) onRange({ kind: "last", ms });
  };
  return (
    <label className="select">
      <span className="hidden">{t("explore.range")}</span>
      <select value={isListed ? known : CURRENT} onChange={({ target }) => choose(target.value)}>
        {!isListed && (
          <option value={CURRENT}>
            {range.kind === "between"
              ? `${since(lang, range.fromMs, nowMs)} – ${since(lang, range.toMs, nowMs)}`
              : t("explore.lastSeconds", { s: Math.round(range.ms / 1_000) })}
          </option>
        )}
        {LASTS.map((one) => (
          <option key={one} value={one}>
            {t(`explore.last.${one}`)}
          </option>
        ))}
        <option value={EXACT}>{t("explore.exact")}</option>
      </select>
      <Glyph shape="chevron" />
    </label>
  );
};

type ExactProps = {
  readonly span: Span;
  readonly onRange: (range: Range) => void;
  readonly onClose: () => void;
};

const ExactRange = ({ span, onRange, onClose }: ExactProps) => {
  const { t } = useWords();
  const [from, setFrom] = useState(() => toParisField(span.fromMs));
  const [to, setTo] = useState(() => toParisField(span.toMs));
  const range = between(fromParisField(from), fromParisField(to));
  const apply = (event: SubmitEvent): void => {
    event.preventDefault();
    if (range === undefined) return;
    onRange(range);
    onClose();
  };
  return (
    <form className="exact" onSubmit={apply}>
      <label>
        {t("explore.from")}
        <input
          type="datetime-local"
          value={from}
          required
          onChange={({ target }) => setFrom(target.value)}
        />
      </label>
      <label>
        {t("explore.to")}
        <input
          type="datetime-local"
          value={to}
          required
          onChange={({ target }) => setTo(target.value)}
        />
      </label>
      <span className="quiet">{t("explore.zone")}</span>
      <button type="submit" className="button" disabled={range === undefined}>
        {t("explore.apply")}
      </button>
      <button type="button" className="button button-plain" onClick={onClose}>
        {t("explore.cancel")}
      </button>
      {range === undefined && (
        <p className="exact-fault" role="alert">
          {t("explore.badRange")}
        </p>
      )}
    </form>
  );
};
