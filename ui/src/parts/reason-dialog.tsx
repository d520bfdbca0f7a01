/**
 * A decision that is written down with its reason.
 *
 * Errors: what the server refuses is said in the dialog, which stays with the reader's words.
 */
import { useId, useState, type FormEvent, type ReactNode } from "react";
import type { Answer } from "../api/client.ts";
import { useWords } from "../locales/words.tsx";
import { Dialog } from "./dialog.tsx";
import { Glyph } from "./glyph.tsx";
import { causeOf } from "./panel.tsx";

const MIN_CHARS = 3;
const MAX_CHARS = 500;

type Props = {
  readonly title: string;
  readonly note: string;
  readonly confirm: string;
  readonly send: (reason: string) => Promise<Answer<unknown>>;
  readonly onClose: () => void;
  readonly children?: ReactNode;
};

const ReasonDialog = ({ title, note, confirm, send, onClose, children }: Props) => {
  const { t } = useWords();
  const id = useId();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const isShort = reason.trim().length < MIN_CHARS;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (busy) return;
    if (isShort) return setRefusal(t("reason.short", { count: MIN_CHARS }));
    setBusy(true);
    void send(reason.trim()).then((answer) => {
      setBusy(false);
      if (answer.ok) onClose();
      else setRefusal(causeOf(answer.fault, t));
    });
  };
  return (
    <Dialog title={title} note={note} shape="middle" onClose={onClose}>
      <form className="reason" onSubmit={submit} noValidate>
        {children}
        <label htmlFor={id}>{t("reason.label")}</label>
        <textarea
          id={id}
          rows={3}
          maxLength={MAX_CHARS}
          required
          aria-invalid={refusal !== undefined}
          aria-describedby={`${id}-hint`}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        <p id={`${id}-hint`} className="quiet">
          {t("reason.hint", { count: MIN_CHARS })}
        </p>
        {refusal !== undefined && (
          <p className="notice" role="alert">
            <Glyph shape="triangle" />
            {refusal}
          </p>
        )}
        <div className="reason-buttons">
          <button type="button" className="button" onClick={onClose}>
            {t("reason.cancel")}
          </button>
          <button type="submit" className="button button-main" aria-disabled={busy}>
            {confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
};

export default ReasonDialog;
