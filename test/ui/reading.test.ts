/** The keyboard, the language and the theme. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { describePages, filled } from "./visit.ts";

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const one = document.activeElement;
    return one?.getAttribute("aria-label") ?? one?.textContent?.trim() ?? "";
  });
const ring = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!);
    return `${outlineStyle} ${outlineWidth}`;
  });
const ground = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

const LIGHT = "rgb(247, 248, 250)";
const DARK = "rgb(14, 19, 27)";

const choose = async (page: Page, name: string): Promise<void> => {
  await page.locator(".user-button").click();
  await page.getByRole("menuitemradio", { name }).click();
  await page.keyboard.press("Escape");
};

describePages("the keyboard", ({ open }) => {
  test("Tab follows the page from the skip link on, each stop with a ring", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    const stops: string[] = [];
    for (let i = 0; i < 9; i += 1) {
      await page.keyboard.press("Tab");
      stops.push(await focused(page));
      expect(`${stops.at(-1)}: ${await ring(page)}`).toBe(`${stops.at(-1)}: solid 2px`);
    }
    expect(stops).toEqual([
      "Aller au contenu",
      "NovaEvo",
      "Exploitation",
      "Décision",
      "Explorer",
      "Raccourcis clavier (?)",
      expect.stringMatching(/^Menu de responsable exploitation/),
      "1 majeure",
      expect.stringMatching(/^Verdict/),
    ]);
  });

  test("the skip link leads into the content", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("main") !== null)).toBe(true);
  });

  test("the help lists the shortcuts, and each does what it says", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Raccourcis clavier" });
    await help.waitFor();
    const keys = await help.locator("dt").allInnerTexts();
    const listed = keys.map((text) => text.replaceAll(/\s/g, ""));
    expect(listed).toEqual([
      ...["go", "gd", "ge", "j", "k", "Entrée", "t", "←→", "CtrlEntrée", "?", "Échap"],
    ]);
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });

    await page.keyboard.press("t");
    await page.getByRole("columnheader", { name: "P99" }).waitFor();
    await page.keyboard.press("t");
    await page.getByRole("slider", { name: "Temps de réponse" }).waitFor();

    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await filled(page, "/go");
    await page.keyboard.press("j");
    expect(await focused(page)).toBe("Temps de réponse API");
    await page.keyboard.press("j");
    expect(await focused(page)).toBe("Disponibilité");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name: "Temps de réponse API" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await filled(page, "/ops");
  });

  test("shortcuts can be switched off, and stay off", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.keyboard.press("?");
    await page.getByRole("switch", { name: "Raccourcis actifs" }).uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.reload();
    await filled(page, "/ops");
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    expect(new URL(page.url()).pathname).toBe("/ops");
    await page.getByRole("button", { name: /^Raccourcis/ }).click();
    await page.getByRole("switch", { name: "Raccourcis actifs" }).check();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    expect(new URL(page.url()).pathname).toBe("/go");
  });
});

describePages("language and theme", ({ open }) => {
  test("English is one choice away, keeps the page, and is kept", async () => {
    const page = await open("/go?verdict=fail");
    await filled(page, "/go");
    const row = page.locator("[data-kpi=api-response-time]");
    expect(await row.innerText()).toContain("1\u202F240\u00A0ms");
    expect(await page.locator("[data-kpi=error-rate]").innerText()).toContain("0,62\u00A0%");
    await choose(page, "English");
    await page.getByRole("columnheader", { name: "Actual" }).first().waitFor();
    expect(await page.getAttribute("html", "lang")).toBe("en");
    expect(await page.title()).toContain("Decision · NovaEvo");
    const { searchParams } = new URL(page.url());
    expect([searchParams.get("verdict"), searchParams.get("lang")]).toEqual(["fail", "en"]);
    expect(await row.innerText()).toContain("1,240\u00A0ms");
    expect(await page.locator("[data-kpi=error-rate]").innerText()).toContain("0.62%");
    await page.goto(new URL("/ops", page.url()).href);
    await page.getByRole("heading", { name: "Active alerts" }).waitFor();
  });

  test("the theme follows the system until the reader chooses", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    expect(await ground(page)).toBe(LIGHT);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await ground(page)).toBe(DARK);
    await choose(page, "Clair");
    expect(await ground(page)).toBe(LIGHT);
    await page.reload();
    await filled(page, "/ops");
    expect(await ground(page)).toBe(LIGHT);
    await choose(page, "Comme le système");
    expect(await ground(page)).toBe(DARK);
  });
});

describePages("the content policy", ({ open, complaints }) => {
  test("a control: an inline script is refused, and the refusal is a complaint", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.isPlanted = true";
      document.body.append(script);
    });
    expect(await page.evaluate(() => "isPlanted" in globalThis)).toBe(false);
    await expect.poll(() => complaints().join("\n")).toContain("Content Security Policy");
  });
});
