/**
 * Words in the reader's language. French unless the URL (`lang`) or the last choice says English.
 *
 * The choice is kept in this browser and in the URL, so that a link shows what its author saw.
 */
import { setupI18n, type I18n } from "@lingui/core";
import { I18nProvider, useLingui } from "@lingui/react";
import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import { say as sayText, type Lang, type Text } from "../format/text.ts";
import { messages as en } from "./en.po";
import { messages as fr } from "./fr.po";

const KEY = "novaevo.lang";
const isLang = (value: string | null): value is Lang => value === "fr" || value === "en";

const chosenLang = (): Lang => {
  const asked = new URLSearchParams(location.search).get("lang");
  if (isLang(asked)) return asked;
  const kept = localStorage.getItem(KEY);
  return isLang(kept) ? kept : "fr";
};

const SetLang = createContext<(lang: Lang) => void>(() => undefined);

export const WordsProvider = ({ children }: { readonly children: ReactNode }) => {
  const [i18n] = useState<I18n>(() => {
    const made = setupI18n({ locale: chosenLang(), messages: { fr, en } });
    document.documentElement.lang = made.locale;
    return made;
  });
  const setLang = useMemo(
    () => (lang: Lang) => {
      localStorage.setItem(KEY, lang);
      const url = new URL(location.href);
      url.searchParams.set("lang", lang);
      history.replaceState(history.state, "", url);
      document.documentElement.lang = lang;
      i18n.activate(lang);
    },
    [i18n],
  );
  return (
    <SetLang value={setLang}>
      <I18nProvider i18n={i18n}>{children}</I18nProvider>
    </SetLang>
  );
};

export type Words = {
  readonly lang: Lang;
  readonly t: (id: string, values?: Record<string, unknown>) => string;
  /** A sentence the server wrote in both languages. */
  readonly say: (text: Text) => string;
  readonly setLang: (lang: Lang) => void;
};

export const useWords = (): Words => {
  const { i18n } = useLingui();
  const setLang = useContext(SetLang);
  const lang: Lang = i18n.locale === "en" ? "en" : "fr";
  return useMemo(
    () => ({
      lang,
      setLang,
      t: (id, values) => i18n._(id, values),
      say: (text) => sayText(text, lang),
    }),
    [i18n, lang, setLang],
  );
};
