/**
 * Typography of sentences the server wrote, so that they break and read as French does.
 *
 * Only spaces change: U+202F before ; ! ? and between thousands, U+00A0 before : % » and units and
 * after «.
 * Source: Imprimerie nationale, Lexique des règles typographiques.
 */
export type Lang = "fr" | "en";
export type Text = { readonly fr: string; readonly en: string };

const NBSP = "\u00A0";
const THIN = "\u202F";
const UNITS = "ms|s|min|h|j|Go|Mo|Ko|GB|MB|KB|€|k€|M€|req/s";

const BEFORE_COLON = / (?=[:%»])/g;
const BEFORE_HIGH = / (?=[;!?])/g;
const AFTER_QUOTE = /« /g;
const THOUSANDS = /(?<=\d) (?=\d{3}(?!\d))/g;
const BEFORE_UNIT = new RegExp(`(?<=\\d) (?=(?:${UNITS})(?![\\p{L}\\d]))`, "gu");
const AFTER_SIGN = /(?<=[<>≤≥=]) (?=\d)/g;

export const typeset = (text: string, lang: Lang): string => {
  const joined = text.replace(BEFORE_UNIT, NBSP).replace(AFTER_SIGN, NBSP);
  if (lang === "en") return joined;
  return joined
    .replace(BEFORE_COLON, NBSP)
    .replace(BEFORE_HIGH, THIN)
    .replace(AFTER_QUOTE, `«${NBSP}`)
    .replace(THOUSANDS, THIN);
};

export const say = (text: Text, lang: Lang): string => typeset(text[lang], lang);
