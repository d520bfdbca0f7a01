/** Chromium for the tests: Debian's, headless, with a fresh profile; absent on many machines. */
import { existsSync } from "node:fs";
import { chromium as playwright, type Browser } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const chromium = PLACES.find((place) => existsSync(place));

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const openBrowser = (more: readonly string[] = []): Promise<Browser> => {
  if (chromium === undefined) throw new Error("no Chromium on this machine");
  return playwright.launch({ executablePath: chromium, args: [...ARGS, ...more] });
};

export const LAPTOP = { width: 1366, height: 768 } as const;
export const PHONE = { width: 390, height: 844 } as const;
