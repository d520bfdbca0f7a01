/**
 * Explorer: can I verify it? Any metric, asked in PromQL, as a graph or a table.
 *
 * What is typed is asked by Ctrl+Enter or the button, not at each key; what is chosen (range, view)
 * asks by itself.
 */
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import "../css/explore.css";
import { Expression } from "../explore/expression.tsx";
import { between } from "../explore/range.ts";
import { Results } from "../explore/results.tsx";
import { Start } from "../explore/start.tsx";
import { LETTERS, MAX_QUERIES } from "../explore/state.ts";
import { Toolbar } from "../explore/toolbar.tsx";
import { useExplore, type Explorer } from "../explore/use-explore.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { useTitle } from "../shell/announcer.tsx";

const MetricBrowser = lazy(() => import("../explore/metric-browser.tsx"));

/** Before the page is laid out. */
const DEFAULT_WIDTH_PX = 1_000;

const Explore = () => {
  const { t } = useWords();
  useTitle(t("nav.explore"));
  const page = useRef<HTMLDivElement>(null);
  const explorer = useExplore(() => page.current?.clientWidth ?? DEFAULT_WIDTH_PX);
  const { state, run, show, pick } = explorer;
  const [browsing, setBrowsing] = useState(false);
  useRunKey(explorer.ask);
  return (
    <div className="page explore" ref={page}>
      <h1 className="hidden">{t("nav.explore")}</h1>
      <Queries explorer={explorer} onBrowse={() => setBrowsing(true)} />
      {state.queries.length === 0 ? (
        <Start onPick={pick} onBrowse={() => setBrowsing(true)} />
      ) : (
        <Results
          {...{ state, run }}
          unitOf={explorer.unitOf}
          onState={show}
          onZoom={(fromMs, toMs) => {
            const range = between(fromMs, toMs);
            if (range !== undefined) show({ range });
          }}
          link={explorer.link}
        />
      )}
      <Suspense>
        {browsing && (
          <MetricBrowser
            prometheus={explorer.prometheus}
            onPick={(expr) => {
              setBrowsing(false);
              pick(expr);
            }}
            onClose={() => setBrowsing(false)}
          />
        )}
      </Suspense>
    </div>
  );
};

export default Explore;

type QueriesProps = { readonly explorer: Explorer; readonly onBrowse: () => void };

const Queries = ({ explorer, onBrowse }: QueriesProps) => {
  const { t } = useWords();
  const { state, drafts, run, show } = explorer;
  return (
    <section className="panel panel-queries" aria-label={t("explore.queries")}>
      <Toolbar
        {...{ range: state.range, span: run.span, refreshMs: state.refreshMs }}
        loading={run.loading}
        onRange={(range) => show({ range })}
        onRefresh={(refreshMs) => show({ refreshMs })}
        onRun={explorer.ask}
      />
      <ul className="queries">
        {drafts.map((draft, i) => (
          <Expression
            key={LETTERS[i]}
            letter={LETTERS[i] ?? "F"}
            value={draft.expr}
            isOff={draft.isOff}
            result={run.results[i]}
            prometheus={explorer.prometheus}
            onChange={(expr) => explorer.type(i, expr)}
            onRun={explorer.ask}
            onToggle={() => explorer.toggle(i)}
            onRemove={drafts.length > 1 ? () => explorer.remove(i) : undefined}
          />
        ))}
      </ul>
      <div className="query-tools">
        <button
          type="button"
          className="button button-plain"
          disabled={drafts.length >= MAX_QUERIES}
          onClick={explorer.add}
        >
          <Glyph shape="plus" />
          {t("explore.add")}
        </button>
        <button type="button" className="button button-plain" onClick={onBrowse}>
          <Glyph shape="table" />
          {t("explore.metrics")}
        </button>
        <span className="panel-note keys-note">{t("explore.keys")}</span>
      </div>
    </section>
  );
};

/** Ctrl+Enter asks from anywhere on the page; the editor has taken its own already. */
const useRunKey = (ask: () => void): void => {
  const latest = useRef(ask);
  useEffect(() => {
    latest.current = ask;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      if (event.defaultPrevented) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
};
