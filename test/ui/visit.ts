/**
 * A suite of pages in a real Chromium, against a site the test holds in its hand.
 *
 * Shape:  `describePages(title, (visit) => …)`; `visit.site()` is new in each test, `visit.open`
 *         gives a page in a profile of its own, kept until the test ends.
 * Errors: whatever a page complains of (script errors, refusals of the content policy) fails the
 *         test after it, unless the test took it with `visit.complaints()`.
 *
 * On a machine without Chromium the suite is skipped, by its name.
 */
import type { Browser, BrowserContext, ConsoleMessage, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { chromium, LAPTOP, openBrowser, PHONE } from "./browser.ts";
import { openSite, type Site } from "./site.ts";

export const SIZES = { laptop: LAPTOP, phone: PHONE } as const;
const SKIPPED = chromium === undefined ? " (skipped: no Chromium here)" : "";

export type Opening = {
  readonly size?: keyof typeof SIZES;
  readonly dark?: boolean;
  /** Freezes the page's clocks at this instant before it loads. */
  readonly clockAt?: number;
};
export type Visit = {
  readonly site: () => Site;
  readonly open: (path: string, options?: Opening) => Promise<Page>;
  /** What pages complained of so far; taken, they no longer fail the test. */
  readonly complaints: () => readonly string[];
};

export const describePages = (title: string, suite: (visit: Visit) => void): void => {
  describe.skipIf(chromium === undefined)(`${title}, in Chromium${SKIPPED}`, () => {
    let browser: Browser;
    let site: Site;
    let contexts: BrowserContext[] = [];
    let complaints: string[] = [];

    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());
    beforeEach(async () => {
      site = await openSite();
    });
    afterEach(async () => {
      for (const context of contexts) await context.close();
      await site.close();
      const said = complaints;
      contexts = [];
      complaints = [];
      expect(said).toEqual([]);
    });

    suite({
      site: () => site,
      complaints: () => complaints.splice(0),
      open: async (path, { size = "laptop", dark = false, clockAt } = {}) => {
        const context = await browser.newContext({
          viewport: SIZES[size],
          colorScheme: dark ? "dark" : "light",
          locale: "fr-FR",
          timezoneId: "Europe/Paris",
          reducedMotion: "reduce",
        });
        contexts.push(context);
        const page = await context.newPage();
        page.on("console", (said) => isComplaint(said) && complaints.push(said.text()));
        page.on("pageerror", (fault) => complaints.push(String(fault)));
        if (clockAt !== undefined) await page.clock.install({ time: clockAt });
        await page.goto(`${site.url}${path}`);
        return page;
      },
    });
  });
};

/** Chromium logs each 401, 503 and cut by itself; the tests of those look at what is shown. */
const isComplaint = (said: ConsoleMessage): boolean =>
  said.type() === "error" && !/^Failed to load resource|net::ERR_/.test(said.text());

const FIRST_DATA = { "/ops": "API Gateway", "/go": "Temps de réponse API" } as const;

/** The page shows what the API answered. */
export const filled = (page: Page, path: keyof typeof FIRST_DATA): Promise<void> =>
  page.getByRole("rowheader", { name: FIRST_DATA[path] }).first().waitFor();
