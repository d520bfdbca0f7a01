/**
 * The pages in a real Chromium, against a site the test holds in its hand.
 *
 * On a machine without Chromium the suite is skipped, by its name.
 */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chromium, LAPTOP, openBrowser, PHONE } from "./browser.ts";
import { alert, alertList } from "./fixtures/board.ts";
import { openSite, type Site } from "./site.ts";

const SIZES = { laptop: LAPTOP, phone: PHONE } as const;
const SKIPPED = chromium === undefined ? " (skipped: no Chromium here)" : "";

describe.skipIf(chromium === undefined)(`pages in Chromium${SKIPPED}`, () => {
  let browser: Browser;
  let site: Site;
  let context: BrowserContext;
  let complaints: string[];

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    site = await openSite();
    complaints = [];
  });
  afterEach(async () => {
    await context.close();
    await site.close();
  });

  const open = async (
    path: string,
    options: {
      readonly size?: keyof typeof SIZES;
      readonly dark?: boolean;
    } = {},
  ): Promise<Page> => {
    context = await browser.newContext({
      viewport: SIZES[options.size ?? "laptop"],
      colorScheme: options.dark === true ? "dark" : "light",
      locale: "fr-FR",
      timezoneId: "Europe/Paris",
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.on("console", (said) => {
      if (said.type() === "error") complaints.push(said.text());
    });
    page.on("pageerror", (fault) => complaints.push(String(fault)));
    await page.goto(`${site.url}${path}`);
    return page;
  };

  const settled = (page: Page, path: string): Promise<void> =>
    page
      .getByText(path === "/go" ? "Temps de réponse API" : "API Gateway")
      .first()
      .waitFor();

  describe.each([
    { path: "/ops", size: "laptop", dark: false },
    { path: "/ops", size: "laptop", dark: true },
    { path: "/ops", size: "phone", dark: false },
    { path: "/go", size: "laptop", dark: false },
    { path: "/go", size: "laptop", dark: true },
    { path: "/go", size: "phone", dark: true },
  ] as const)("$path, $size, dark: $dark", ({ path, size, dark }) => {
    test("has no violation of accessibility, no complaint, no sideways scroll", async () => {
      const page = await open(path, { size, dark });
      await settled(page, path);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const found = violations.map(({ id, nodes }) => [id, nodes[0]?.html]);
      expect(found).toEqual([]);
      const wider = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(wider).toBe(0);
      expect(complaints).toEqual([]);
    });
  });

  test("a missing rule would be found: the checker sees a planted violation", async () => {
    const page = await open("/ops");
    await settled(page, "/ops");
    await page.evaluate(() =>
      document.querySelector("main")!.append(document.createElement("img")),
    );
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toContain("image-alt");
  });

  test("a code in the fragment signs in, and leaves the address", async () => {
    site.state.signedIn = false;
    const page = await open(`/#code=${site.state.code}`);
    await settled(page, "/ops");
    expect(page.url()).not.toContain("code");
    expect(new URL(page.url()).pathname).toBe("/ops");
  });

  test("a wrong code is refused in words, and the form stays", async () => {
    site.state.signedIn = false;
    const page = await open("/#code=NOT-A-CODE");
    await page.getByRole("alert").filter({ hasText: "code" }).waitFor();
    await page.getByLabel("Mot de passe").waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  test("an alert comes by itself, and is said aloud", async () => {
    const page = await open("/ops");
    await settled(page, "/ops");
    await expect.poll(() => site.streams()).toBe(1);
    const items = [alert(13, "critical", "Base de données injoignable")];
    site.publish("alerts", alertList(items));
    await page
      .getByTestId("assertive")
      .filter({ hasText: "Base de données injoignable" })
      .waitFor();
    await expect.poll(() => page.title()).toContain("(1!)");
  });

  test("after a cut the page resumes where it was", async () => {
    const page = await open("/ops");
    await settled(page, "/ops");
    await expect.poll(() => site.streams()).toBe(1);
    // Seen by the page, so its number is known there.
    site.publish("alerts", alertList([alert(13, "critical", "Base de données injoignable")]));
    await page.getByTestId("assertive").filter({ hasText: "Base de données" }).waitFor();
    site.cut();
    await expect.poll(() => site.streams()).toBe(0);
    site.mend();
    await expect.poll(() => site.streams(), { timeout: 20_000 }).toBe(1);
    const asked = site.state.requests.filter((one) => one.path.endsWith("/stream"));
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.at(-1)?.lastEventId).toBe("run1:1");
  });

  test("the address may ask for English", async () => {
    const page = await open("/go?lang=en");
    await page.getByRole("link", { name: "Operations" }).first().waitFor();
    expect(await page.getAttribute("html", "lang")).toBe("en");
  });

  test("the keyboard reaches the content first", async () => {
    const page = await open("/ops");
    await settled(page, "/ops");
    await page.keyboard.press("Tab");
    const first = await page.evaluate(() => document.activeElement?.getAttribute("href"));
    expect(first).toBe("#main");
  });
});
