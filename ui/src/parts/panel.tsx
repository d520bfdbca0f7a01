/**
 * A panel loads, fails and retries alone.
 *
 * Until it has data it shows its skeleton at the final size; a fault shows its cause and a way to
 * try again, above the last data if there was any.
 */
import { useId, type ReactNode } from "react";
import type { Fault } from "../api/client.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "./glyph.tsx";

type Props = {
  readonly title: string;
  readonly name: string;
  readonly note?: ReactNode;
  readonly tools?: ReactNode;
  readonly fault?: Fault | undefined;
  readonly loading: boolean;
  readonly onRetry: () => void;
  readonly skeleton: ReactNode;
  /** Undefined until the first data. */
  readonly children: ReactNode | undefined;
};

export const Panel = (props: Props) => {
  const { title, name, note, tools, fault, loading, onRetry, skeleton, children } = props;
  const id = useId();
  const hasData = children !== undefined;
  return (
    <section className={`panel panel-${name}`} aria-labelledby={id} data-panel={name}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span className="panel-note">{note}</span>}
        {tools !== undefined && <div className="panel-tools">{tools}</div>}
      </header>
      <div className="panel-body" aria-busy={loading && !hasData}>
        {fault !== undefined && (
          <FaultNotice fault={fault} busy={loading} onRetry={onRetry} isUpdate={hasData} />
        )}
        {hasData ? children : fault === undefined && skeleton}
      </div>
    </section>
  );
};

export const FaultNotice = ({
  fault,
  busy,
  onRetry,
  isUpdate = false,
}: {
  readonly fault: Fault;
  readonly busy: boolean;
  readonly onRetry: () => void;
  /** Earlier data is still shown beneath. */
  readonly isUpdate?: boolean;
}) => {
  const { t } = useWords();
  return (
    <output className="fault">
      <span className="fault-mark">
        <Glyph shape="triangle" />
      </span>
      <span className="fault-text">
        <strong>{t(isUpdate ? "fault.update" : "fault.title")}</strong> {causeOf(fault, t)}
      </span>
      <button type="button" className="button" onClick={onRetry} disabled={busy}>
        <Glyph shape="retry" />
        {busy ? t("fault.retrying") : t("fault.retry")}
      </button>
    </output>
  );
};

type Translate = (id: string, values?: Record<string, unknown>) => string;

export const causeOf = (fault: Fault, t: Translate): string => {
  if (fault.kind === "timeout") return t("fault.timeout");
  if (fault.kind === "network") return t("fault.network");
  if (fault.status === 403) return t("fault.forbidden");
  const status = String(fault.status ?? "");
  return t("fault.http", { status, message: fault.message });
};

/** Grey lines where rows will be. */
export const RowsSkeleton = ({ rows }: { readonly rows: number }) => (
  <div className="skeleton-rows" aria-hidden="true">
    {Array.from({ length: rows }, (_, i) => (
      <span key={i} className="skeleton" />
    ))}
  </div>
);
