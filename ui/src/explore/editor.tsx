/**
 * A PromQL editor: CodeMirror with Prometheus's own language, completion and lint, and beside them
 * the fault the server found, underlined where it is.
 *
 * Loaded apart from the page, which has a plain field until then. Tab leaves it, as any field;
 * Ctrl+Enter runs. Enter takes a completion or starts a line.
 */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { linter, type Diagnostic } from "@codemirror/lint";
import {
  Compartment,
  EditorState,
  Prec,
  StateEffect,
  StateField,
  type Extension,
} from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension, type PrometheusClient } from "@prometheus-io/codemirror-promql";
import { useEffect, useRef } from "react";
import { useWords } from "../locales/words.tsx";
import type { EditorProps } from "./editor-props.ts";
import type { FaultPlace } from "./fault-place.ts";
import type { Prometheus } from "./prometheus.ts";
import { MAX_EXPR } from "./state.ts";

const Editor = ({ value, label, place, describedBy, prometheus, onChange, onRun }: EditorProps) => {
  const { t, lang } = useWords();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef({ value, onChange, onRun });
  useEffect(() => {
    latest.current = { value, onChange, onRun };
  });

  useEffect(() => {
    const parent = host.current;
    if (parent === null) return undefined;
    const promql = new PromQLExtension().setComplete({ remote: clientOf(prometheus) });
    const made = new EditorView({
      parent,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          keysOf(() => latest.current.onRun()),
          BASICS,
          promql.asExtension(),
          serverFault,
          phrases.of([]),
          spoken.of([]),
          placeholder(t("explore.placeholder")),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      promql.destroy();
      view.current = undefined;
    };
    // The words of a later language are set below, without losing what was typed.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [prometheus]);

  useEffect(() => {
    const attributes = {
      "aria-label": label,
      ...(describedBy === undefined ? {} : { "aria-describedby": describedBy }),
      ...(place === undefined ? {} : { "aria-invalid": "true" }),
    };
    view.current?.dispatch({
      effects: [
        spoken.reconfigure(EditorView.contentAttributes.of(attributes)),
        phrases.reconfigure(EditorState.phrases.of(lang === "fr" ? FRENCH : {})),
        setFault.of(place),
      ],
    });
  }, [label, describedBy, place, lang, prometheus]);

  // What comes from elsewhere: the address, the list of metrics.
  useEffect(() => {
    const known = view.current?.state.doc.toString();
    if (known === undefined || known === value) return;
    view.current?.dispatch({ changes: { from: 0, to: known.length, insert: value } });
  }, [value]);
  return <div className="expression" ref={host} />;
};

export default Editor;

const spoken = new Compartment();
const phrases = new Compartment();
const FRENCH = {
  Completions: "Propositions",
  "Control character": "Caractère de contrôle",
  "No diagnostics": "Aucune erreur",
} as const;

/** Ctrl+Enter comes before CodeMirror's own use of it. */
const keysOf = (onRun: () => void): Extension => {
  const run = (): boolean => {
    onRun();
    return true;
  };
  const others = [...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap];
  return [Prec.highest(keymap.of([{ key: "Mod-Enter", run }])), keymap.of(others)];
};

const setFault = StateEffect.define<FaultPlace | undefined>();
const faultField = StateField.define<FaultPlace | undefined>({
  create: () => undefined,
  update: (known, transaction) => {
    const told = transaction.effects.find((effect) => effect.is(setFault));
    if (told !== undefined) return told.value;
    // The text it was about is another one now.
    return transaction.docChanged ? undefined : known;
  },
});
const serverFault = [
  faultField,
  linter(
    ({ state }): readonly Diagnostic[] => {
      const place = state.field(faultField);
      if (place === undefined || place.to > state.doc.length) return [];
      return [{ from: place.from, to: place.to, severity: "error", message: place.message }];
    },
    {
      delay: 0,
      needsRefresh: ({ startState, state }) =>
        startState.field(faultField) !== state.field(faultField),
    },
  ),
];

/** What completion asks, put to our own client: one session, one cache. */
const clientOf = (prometheus: Prometheus): PrometheusClient => ({
  labelNames: async (metric = "") => [...(await prometheus.labelNames(selector(metric)))],
  labelValues: async (label, metric = "") => [
    ...(await prometheus.labelValues(label, selector(metric))),
  ],
  metricMetadata: async () => {
    const all = Object.entries(await prometheus.metadata());
    return Object.fromEntries(all.map(([name, { type, help }]) => [name, [{ type, help }]]));
  },
  metricNames: async () => [...(await prometheus.metricNames())],
  series: () => Promise.resolve([]),
  flags: () => Promise.resolve({}),
});

const selector = (metric: string): string =>
  metric === "" ? "" : `{__name__=${JSON.stringify(metric)}}`;

const INKS = HighlightStyle.define([
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: "var(--accent)" },
  { tag: [tags.keyword, tags.modifier, tags.operator], color: "var(--accent)" },
  { tag: tags.labelName, color: "var(--info)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool], color: "var(--minor)" },
  { tag: [tags.lineComment, tags.comment], color: "var(--text-3)" },
  { tag: tags.invalid, color: "var(--critical)" },
]);

const THEME = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "20px" },
  ".cm-content": { padding: "7px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 10px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, ::selection": {
    backgroundColor: "var(--select)",
  },
  ".cm-placeholder": { color: "var(--text-3)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--band)",
    outline: "1px solid var(--control)",
  },
  ".cm-tooltip": {
    zIndex: "30",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    backgroundColor: "var(--surface)",
    boxShadow: "var(--shadow)",
    color: "var(--text)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "inherit", maxHeight: "240px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "4px 10px", minHeight: "24px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--band)",
    color: "var(--text)",
    boxShadow: "inset 2px 0 0 var(--accent)",
  },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { color: "var(--text-3)", fontStyle: "normal" },
  ".cm-tooltip.cm-completionInfo": { padding: "8px 10px", maxWidth: "320px" },
  ".cm-diagnostic": { padding: "6px 10px", fontFamily: "var(--font)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--critical)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--critical) 1px",
    textUnderlineOffset: "3px",
  },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--critical)" },
});

const BASICS: Extension = [
  history(),
  bracketMatching(),
  closeBrackets(),
  autocompletion({ icons: false, maxRenderedOptions: 60 }),
  syntaxHighlighting(INKS),
  THEME,
  EditorView.lineWrapping,
  EditorState.changeFilter.of((change) => !change.docChanged || change.newDoc.length <= MAX_EXPR),
];
