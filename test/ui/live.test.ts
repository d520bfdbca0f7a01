/** What changes without a reload, and what the page shows while nothing comes. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { alert, alertList, NOON, overview, refilling } from "./fixtures/board.ts";
import { describePages, filled } from "./visit.ts";

const STALE_MS = 5_000;
const POLITE_MS = 10_000;

const isStale = (page: Page): Promise<string | null> =>
  page.locator(".shell").getAttribute("data-stale");
const said = (page: Page, how: "assertive" | "polite"): Promise<string> =>
  page.getByTestId(how).innerText();

describePages("live data", ({ site, open }) => {
  const followed = async (path: "/ops" | "/go", clockAt?: number): Promise<Page> => {
    const page = await open(path, clockAt === undefined ? {} : { clockAt });
    await filled(page, path);
    await expect.poll(() => site().streams()).toBe(1);
    return page;
  };

  test("a critical alert appears by itself, is said at once, and is in the title", async () => {
    const page = await followed("/ops");
    await page.evaluate(() => Object.assign(globalThis, { isSameLoad: true }));
    expect(await said(page, "assertive")).toBe("");
    site().publish("alerts", alertList([alert(13, "critical", "Base de données injoignable")]));
    await page.getByRole("link", { name: /^Base de données injoignable/ }).waitFor();
    expect(await said(page, "assertive")).toBe(
      "Nouvelle alerte critique\u00A0: Base de données injoignable",
    );
    expect(await said(page, "polite")).toBe("");
    await expect.poll(() => page.title()).toBe("(1!) Exploitation · NovaEvo");
    expect(await page.evaluate(() => "isSameLoad" in globalThis)).toBe(true);
    const live = page.getByTestId("assertive");
    expect(await live.evaluate((one) => one.getAttribute("role"))).toBe("alert");
  });

  test("lesser alerts wait their turn: two within ten seconds are said together", async () => {
    const page = await followed("/ops", NOON);
    const items = [...site().state.alerts.items];
    items.push(alert(21, "warning", "Files d’attente longues"));
    site().publish("alerts", alertList(items));
    await expect.poll(() => said(page, "polite")).toContain("Files d’attente longues");
    items.push(alert(22, "warning", "Cache froid"), alert(23, "info", "Déploiement"));
    site().publish("alerts", alertList(items));
    await page.getByRole("link", { name: /^Cache froid/ }).waitFor();
    expect(await said(page, "polite")).not.toContain("2");
    await page.clock.runFor(POLITE_MS + 1_000);
    await expect.poll(() => said(page, "polite")).toBe("2 nouvelles alertes");
  });

  test("no row moves under the pointer: what is new waits behind a chip", async () => {
    const page = await followed("/ops");
    const titles = (): Promise<string[]> => page.locator(".alert-title").allInnerTexts();
    const before = await titles();
    await page.locator(".alert-title").first().hover();
    const items = [...site().state.alerts.items, alert(13, "critical", "Base injoignable")];
    site().publish("alerts", alertList(items));
    const chip = page.getByRole("button", { name: "1 nouvelle" });
    await chip.waitFor();
    expect(await titles()).toEqual(before);
    await chip.click();
    await expect.poll(titles).toHaveLength(before.length + 1);
  });

  test("after a cut the page resumes where it was, and takes what it missed", async () => {
    const page = await followed("/ops");
    site().publish("alerts", alertList([alert(13, "critical", "Base injoignable")]));
    await page.getByRole("link", { name: /^Base injoignable/ }).waitFor();
    site().cut();
    await expect.poll(() => site().streams()).toBe(0);
    site().publish("alerts", alertList([alert(14, "critical", "Réseau coupé")]));
    site().mend();
    await page.getByRole("link", { name: /^Réseau coupé/ }).waitFor();
    const asked = site().state.requests.filter(({ path }) => path.endsWith("/stream"));
    expect(asked[0]?.lastEventId).toBeUndefined();
    expect(asked.at(-1)?.lastEventId).toBe("run1:1");
  });

  test("after the server's restart the page loads everything again", async () => {
    const page = await followed("/ops");
    site().publish("alerts", alertList([]));
    await page.getByText("Aucune alerte à traiter").waitFor();
    // Frames of the process before cannot be resumed, so only a new load can show this.
    site().state.alerts = alertList([alert(15, "error", "Disque plein")]);
    site().restart("run2");
    await page.getByRole("link", { name: /^Disque plein/ }).waitFor();
  });

  test("silence turns the data grey, and the first beat brings the colour back", async () => {
    const page = await followed("/ops", NOON);
    const inkOf = (selector: string): Promise<string> =>
      page
        .locator(selector)
        .first()
        .evaluate((one) => getComputedStyle(one).color);
    expect(await isStale(page)).toBe("false");
    const fresh = await inkOf("[data-state=ok] .mark");
    site().hush();
    await page.clock.runFor(STALE_MS + 1_000);
    await expect.poll(() => isStale(page)).toBe("true");
    const old = await inkOf("[data-state=ok] .mark");
    expect(old).not.toBe(fresh);
    expect(old).toBe(await inkOf(".group th"));
    await page.getByTestId("ribbon").getByText("Flux coupé").waitFor();
    expect(await page.getByTestId("ribbon").innerText()).toMatch(/il\sy\sa\s\d+\ss/u);
    site().speak();
    await expect.poll(() => isStale(page)).toBe("false");
    expect(await inkOf("[data-state=ok] .mark")).toBe(fresh);
  });

  test("a control: the same time with beats leaves the data in colour", async () => {
    const page = await followed("/ops", NOON);
    for (let n = 1; n <= STALE_MS / 1_000 + 1; n += 1) {
      site().speak();
      // A beat leaves no trace on the page; what was published after it does.
      site().publish("alerts", alertList([alert(30 + n, "error", `Battement ${n}`)]));
      await page.getByRole("link", { name: `Battement ${n}` }).waitFor();
      await page.clock.runFor(1_000);
      expect(await isStale(page)).toBe("false");
    }
  });

  test("one panel fails and says why; the others go on, and it recovers on demand", async () => {
    site().state.failing.add("/api/app/services");
    const page = await open("/ops");
    const panel = page.locator("[data-panel=services]");
    await panel.getByText("le moteur redémarre").waitFor();
    await page.getByRole("link", { name: /^Temps de réponse API/ }).waitFor();
    site().state.failing.clear();
    await panel.getByRole("button", { name: "Réessayer" }).click();
    await filled(page, "/ops");
    expect(await panel.getByText("Chargement impossible").count()).toBe(0);
  });

  test("without a measure, no alert is not good news", async () => {
    site().state.alerts = alertList([]);
    const none = { topSeverity: null, counts: site().state.alerts.counts };
    site().state.overview = overview({ ...none, kpis: { pass: 0, fail: 0, unknown: 27 } });
    const page = await open("/ops");
    await page.getByText("Alertes inconnues\u00A0: aucun indicateur").waitFor();
    const ribbon = page.getByTestId("ribbon");
    expect(await ribbon.locator(".mark-ok").count()).toBe(0);
    site().publish("overview", overview({ ...none, kpis: { pass: 1, fail: 0, unknown: 26 } }));
    await page.getByText("Aucune alerte à traiter").waitFor();
    expect(await ribbon.locator(".mark-ok").innerText()).toBe("Aucune alerte");
    await page.getByText("26 sans donnée ne peuvent pas alerter").waitFor();
  });

  test("a chart whose updates fail keeps its line, says so, and recovers with the stream", async () => {
    const page = await followed("/ops", NOON);
    const panel = page.locator("[data-panel=latency]");
    await panel.getByRole("slider").waitFor();
    site().cut();
    const notice = panel.getByText("Mise à jour impossible.");
    await expect
      .poll(async () => {
        await page.clock.runFor(STALE_MS);
        return (await notice.count()) === 1 && (await isStale(page));
      })
      .toBe("true");
    expect(await panel.getByRole("slider").count()).toBe(1);
    site().mend();
    await expect
      .poll(async () => {
        await page.clock.runFor(1_000);
        return notice.count();
      })
      .toBe(0);
    expect(await isStale(page)).toBe("false");
  });

  test("the shell does not wait for the API", async () => {
    site().state.delayMs = 60_000;
    const page = await open("/ops");
    await page.getByTestId("ribbon").waitFor();
    expect(await page.locator("[data-panel]").count()).toBe(4);
    expect(await page.locator(".skeleton").count()).toBeGreaterThan(4);
  });

  test("after a warm start what is read again says so, in place of an empty figure", async () => {
    Object.assign(site().state, refilling());
    const ops = await open("/ops");
    await filled(ops, "/ops");
    for (const name of ["services", "error-rate", "latency"]) {
      const words = ops.locator(`[data-panel=${name}]`).getByText("Relecture de l’historique");
      await words.first().waitFor();
    }
    const go = await open("/go");
    await filled(go, "/go");
    const row = go.locator("[data-kpi=api-response-time]");
    expect(await row.innerText()).toContain("Relecture de l’historique");
    expect(await row.innerText()).not.toMatch(/\d ms.*\d ms.*\d ms/u);
  });

  test("eight pages of one browser share one stream", async () => {
    const first = await followed("/ops");
    const others = await Promise.all(Array.from({ length: 7 }, () => first.context().newPage()));
    await Promise.all(
      others.map(async (page) => {
        await page.goto(`${site().url}/ops`);
        await filled(page, "/ops");
      }),
    );
    expect(site().streams()).toBe(1);
    site().publish("alerts", alertList([alert(13, "critical", "Base injoignable")]));
    for (const page of [first, ...others]) {
      await page.getByRole("link", { name: /^Base injoignable/ }).waitFor();
    }
  });
});
