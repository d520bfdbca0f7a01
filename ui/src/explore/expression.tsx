/**
 * One query: its letter, its expression, what is wrong with it.
 *
 * The expression is a plain field until the editor has come, and stays one where it cannot come.
 */
import { lazy, Suspense, useId } from "react";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { Whole } from "../parts/whole.tsx";
import { causeOf } from "../parts/panel.tsx";
import type { EditorProps } from "./editor-props.ts";
import { faultPlace } from "./fault-place.ts";
import type { Prometheus } from "./prometheus.ts";
import { MAX_EXPR, type Letter } from "./state.ts";
import type { Result } from "./use-run.ts";

const Editor = lazy(() => import("./editor.tsx"));

type Props = {
  readonly letter: Letter;
  readonly value: string;
  readonly isOff: boolean;
  /** Of the last run, whatever is typed since. */
  readonly result: Result | undefined;
  readonly prometheus: Prometheus;
  readonly onChange: (value: string) => void;
  readonly onRun: () => void;
  readonly onToggle: () => void;
  readonly onRemove: (() => void) | undefined;
};

export const Expression = (props: Props) => {
  const { letter, value, isOff, result, prometheus, onChange, onRun, onToggle, onRemove } = props;
  const { t } = useWords();
  const id = useId();
  const fault = result?.expr === value ? result.fault : undefined;
  const place = fault === undefined ? undefined : faultPlace(value, fault.message);
  const editor: EditorProps = {
    ...{ value, prometheus, onChange, onRun, place },
    label: t("explore.query", { letter }),
    describedBy: fault === undefined ? undefined : id,
  };
  const plain = <PlainField {...editor} />;
  return (
    <li className="query" data-query={letter} data-off={isOff}>
      <button
        type="button"
        className="query-letter"
        aria-pressed={!isOff}
        aria-label={t("explore.shown", { letter })}
        title={t(isOff ? "explore.show" : "explore.hide", { letter })}
        onClick={onToggle}
      >
        {letter}
      </button>
      <div className="query-field" data-fault={fault !== undefined}>
        <Whole instead={plain}>
          <Suspense fallback={plain}>
            <Editor {...editor} />
          </Suspense>
        </Whole>
      </div>
      {onRemove !== undefined && (
        <button
          type="button"
          className="button button-square button-quiet"
          aria-label={t("explore.remove", { letter })}
          title={t("explore.remove", { letter })}
          onClick={onRemove}
        >
          <Glyph shape="close" />
        </button>
      )}
      {fault !== undefined && (
        <p className="query-fault" id={id} role="alert">
          <Glyph shape="triangle" />
          <span>
            {place === undefined ? (
              causeOf(fault, t)
            ) : (
              <>
                <strong>{t("explore.faultAt", { line: place.line, column: place.column })}</strong>{" "}
                <span lang="en">{place.message}</span>
              </>
            )}
          </span>
        </p>
      )}
    </li>
  );
};

const PlainField = ({ value, label, describedBy, place, onChange }: EditorProps) => {
  const { t } = useWords();
  return (
    <textarea
      className="expression expression-plain"
      rows={Math.min(6, value.split("\n").length)}
      value={value}
      maxLength={MAX_EXPR}
      aria-label={label}
      aria-describedby={describedBy}
      aria-invalid={place !== undefined}
      placeholder={t("explore.placeholder")}
      spellCheck={false}
      autoCapitalize="off"
      onChange={({ target }) => onChange(target.value)}
    />
  );
};
