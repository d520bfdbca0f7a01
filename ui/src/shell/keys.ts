/**
 * Keyboard shortcuts by the character typed (`event.key`), so that any layout works.
 *
 * `g` then a page's letter, j/k in lists, `t` for tables, `?` for help. They can be switched off
 * (WCAG 2.1.4), and never act while a field has the focus or with Ctrl, Alt or ⌘.
 */
import { useEffect, useRef } from "react";
import { PAGES } from "./place.ts";

const KEY = "novaevo.keys";
const SEQUENCE_MS = 1_500;
/** Asks every chart to swap with its table. */
export const TABLE_EVENT = "novaevo:table";

export const keysEnabled = (): boolean => localStorage.getItem(KEY) !== "off";
export const setKeysEnabled = (on: boolean): void =>
  on ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, "off");

type Actions = { readonly goTo: (path: string) => void; readonly onHelp: () => void };

export const useKeys = (actions: Actions): void => {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    let firstAtMs = Number.NEGATIVE_INFINITY;
    const onKey = (event: KeyboardEvent): void => {
      if (!keysEnabled() || isBusy(event)) return;
      const isSecond = event.timeStamp - firstAtMs < SEQUENCE_MS;
      firstAtMs = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
      const page = isSecond ? PAGES.find(({ key }) => key === event.key) : undefined;
      if (page !== undefined) latest.current.goTo(page.path);
      else if (event.key === "?") latest.current.onHelp();
      else if (event.key === "t") dispatchEvent(new Event(TABLE_EVENT));
      else if (event.key === "j") moveRow(1);
      else if (event.key === "k") moveRow(-1);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
};

const isBusy = (event: KeyboardEvent): boolean => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return true;
  const { target } = event;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[role=menu],[role=dialog]") !== null) return true;
  return target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
};

/** Rows that open something carry `data-row`; the focus moves among those of the page. */
const moveRow = (by: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")].filter(
    (row) => row.offsetParent !== null,
  );
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  rows[Math.min(rows.length - 1, Math.max(0, next))]?.focus();
};
