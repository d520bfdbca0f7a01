/** Addresses inside the app: the language of a link survives a change of page. */
import { useCallback } from "react";
import { useLocation, useSearchParams } from "wouter";

export const PAGES = [
  { path: "/ops", id: "ops", key: "o" },
  { path: "/go", id: "go", key: "d" },
  { path: "/explore", id: "explore", key: "e" },
] as const;

export const withLang = (path: string, search: string): string => {
  const lang = new URLSearchParams(search).get("lang");
  if (lang === null) return path;
  const [place, asked] = path.split("?");
  const query = new URLSearchParams(asked);
  if (!query.has("lang")) query.set("lang", lang);
  return `${place}?${query.toString()}`;
};

export const useGoTo = (): ((path: string) => void) => {
  const [, navigate] = useLocation();
  return useCallback((path: string) => navigate(withLang(path, location.search)), [navigate]);
};

/** One parameter of the URL; unknown others survive. */
export const useParam = (
  name: string,
): readonly [string | undefined, (value: string | undefined) => void] => {
  const [query, setQuery] = useSearchParams();
  const set = useCallback(
    (value: string | undefined) =>
      setQuery((before) => {
        const next = new URLSearchParams(before);
        if (value === undefined) next.delete(name);
        else next.set(name, value);
        return next;
      }),
    [name, setQuery],
  );
  return [query.get(name) ?? undefined, set];
};
