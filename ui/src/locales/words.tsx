/**
 * Words in the reader's language. French unless the URL (`lang`) or the last choice says English.
 *
 * The choice is kept in this browser and in the URL, so that a link shows what its author saw.
 * Only the words of that language are loaded.
 */
import { setupI18n, type I18n, type Messages } from "@lingui/core";
import { I18nProvider, useLingui } from "@lingui/react";
import { createContext, useContext, useEffect, useMemo, type ReactNode } from "react";
import { say as sayText, type Lang, type Text } from "../format/text.ts";

const KEY = "novaevo.lang";
const isLang = (value: string | null): value is Lang => value === "fr" || value === "en";

const chosenLang = (): Lang => {
  const asked = new URLSearchParams(location.search).get("lang");
  if (isLang(asked)) return asked;
  const kept = localStorage.getItem(KEY);
  return isLang(kept) ? kept : "fr";
};

const catalogue = async (lang: Lang): Promise<Messages> =>
  (await (lang === "en" ? import("./en.po") : import("./fr.po"))).messages;

/** What the page says first with. */
export const firstWords = async (): Promise<I18n> => {
  const lang = chosenLang();
  return setupI18n({ locale: lang, messages: { [lang]: await catalogue(lang) } });
};

const SetLang = createContext<(lang: Lang) => void>(() => undefined);

type ProviderProps = { readonly i18n: I18n; readonly children: ReactNode };

export const WordsProvider = ({ i18n, children }: ProviderProps) => {
  useEffect(() => {
    document.documentElement.lang = i18n.locale;
  }, [i18n]);
  const setLang = useMemo(
    () => (lang: Lang) => {
      localStorage.setItem(KEY, lang);
      const url = new URL(location.href);
      url.searchParams.set("lang", lang);
      history.replaceState(history.state, "", url);
      void catalogue(lang).then((messages) => {
        document.documentElement.lang = lang;
        i18n.loadAndActivate({ locale: lang, messages });
      });
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
