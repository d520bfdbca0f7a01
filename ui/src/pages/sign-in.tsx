/** Sign-in: by the code printed at start, exchanged by itself, or by name and password. */
import { useEffect, useRef, useState, type SubmitEvent } from "react";
import type { Principal } from "../../../src/contract/session.ts";
import type { Api, Fault } from "../api/client.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { causeOf } from "../parts/panel.tsx";
import { useSession } from "../session/session.tsx";

type Way = "code" | "password";
type Props = { readonly api: Api; readonly code: string | undefined; readonly onUsed: () => void };

export const SignIn = ({ api, code, onUsed }: Props) => {
  const { t, lang, setLang } = useWords();
  const [busy, setBusy] = useState(code !== undefined);
  const [failed, setFailed] = useState<{ readonly way: Way; readonly fault: Fault }>();
  const { enter } = useSession();

  const attempt = async (way: Way, body: object): Promise<void> => {
    setBusy(true);
    const path = way === "code" ? "sessionCode" : "sessionPassword";
    const answer = await api.post<Principal>(path, body);
    setBusy(false);
    if (answer.ok) return enter(answer.value);
    setFailed({ way, fault: answer.fault });
    if (way === "password") return;
    // A link opened twice: the first time may have signed this browser in already.
    const known = await api.get<Principal>("session");
    if (known.ok) enter(known.value);
  };

  // A code works once: a second effect run must not spend it again.
  const spent = useRef<string>(undefined);
  useEffect(() => {
    if (code === undefined || spent.current === code) return;
    spent.current = code;
    onUsed();
    void attempt("code", { code });
  });
  useEffect(() => {
    document.title = `${t("signIn.title")} · NovaEvo`;
  }, [t]);

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void attempt("password", { name: form.get("name"), password: form.get("password") });
  };

  return (
    <main className="sign-in" id="main">
      <div className="sign-in-card">
        <p className="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M9 23V9l14 14V9" />
          </svg>
          NovaEvo
        </p>
        <h1>{t("signIn.title")}</h1>
        {failed !== undefined && <Refusal way={failed.way} fault={failed.fault} />}
        <form onSubmit={submit} aria-busy={busy}>
          <label htmlFor="name">{t("signIn.name")}</label>
          <input id="name" name="name" autoComplete="username" required maxLength={80} />
          <label htmlFor="password">{t("signIn.password")}</label>
          <input
            id="password"
            name="password"
            type="password"
            autoComplete="current-password"
            required
            maxLength={200}
          />
          <button type="submit" className="button button-main" disabled={busy}>
            {busy ? t("signIn.busy") : t("signIn.submit")}
          </button>
        </form>
        <p className="sign-in-hint">{t("signIn.hint")}</p>
      </div>
      <button
        type="button"
        className="button button-plain"
        lang={lang === "fr" ? "en" : "fr"}
        onClick={() => setLang(lang === "fr" ? "en" : "fr")}
      >
        {lang === "fr" ? "English" : "Français"}
      </button>
    </main>
  );
};

const Refusal = ({ way, fault }: { readonly way: Way; readonly fault: Fault }) => {
  const { t } = useWords();
  const seconds = Math.ceil((fault.retryAfterMs ?? 60_000) / 1_000);
  const status = fault.status ?? 0;
  const text =
    status === 429
      ? t("signIn.tooMany", { seconds })
      : fault.kind !== "http" || status >= 500
        ? causeOf(fault, t)
        : t(way === "code" ? "signIn.badCode" : "signIn.badPassword");
  return (
    <p className="notice notice-bad" role="alert">
      <Glyph shape="hexagon" />
      <span>{text}</span>
    </p>
  );
};
