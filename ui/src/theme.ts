/** Light, dark, or as the system says. Kept in this browser. */
export const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "novaevo.theme";
/** Told to charts, which must paint again with the new inks. */
export const THEME_EVENT = "novaevo:theme";

export const keptTheme = (): Theme => {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((theme) => theme === kept) ?? "system";
};

export const applyTheme = (theme: Theme): void => {
  localStorage.setItem(KEY, theme);
  document.documentElement.dataset["theme"] = theme;
  dispatchEvent(new Event(THEME_EVENT));
};

export const followTheme = (): void => {
  document.documentElement.dataset["theme"] = keptTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    dispatchEvent(new Event(THEME_EVENT));
  });
};
