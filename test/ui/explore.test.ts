/** The explorer: what one types, what one sees, and what one takes along. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { NOON } from "./fixtures/board.ts";
import { describePages } from "./visit.ts";

const MEMORY = "/explore?q=system_memory_usage_bytes&from=now-15m&to=now";
const N = "\u00A0";

const editor = (page: Page, letter = "A") =>
  page.getByRole("textbox", { name: `Requête ${letter}, expression PromQL` });
const params = (page: Page): URLSearchParams => new URL(page.url()).searchParams;
/** CodeMirror is there, not the field that stands in its place. */
const ready = async (page: Page): Promise<void> => page.locator(".cm-content").first().waitFor();
const drawn = (page: Page): Promise<void> => page.getByRole("slider", { name: "Graphe" }).waitFor();

describePages("the editor", ({ open, site, complaints }) => {
  test("proposes metrics, then a label's values, from what is here", async () => {
    const page = await open("/explore");
    await ready(page);
    await editor(page).click();
    await page.keyboard.type("system_mem");
    const metric = page.getByRole("option", { name: /^system_memory_usage_bytes/ });
    await metric.waitFor();
    expect(await metric.innerText()).toContain("gauge");
    // A completion takes Enter only once it is there long enough not to be taken by mistake.
    await expect
      .poll(async () => {
        await page.keyboard.press("Enter");
        return editor(page).innerText();
      })
      .toBe("system_memory_usage_bytes");
    await page.keyboard.type('{state="');
    await page.getByRole("option", { name: "cached" }).waitFor();
  });

  test("asks by Ctrl+Enter, with what was typed, and writes it in the address", async () => {
    const page = await open("/explore");
    await ready(page);
    await editor(page).click();
    await page.keyboard.type("system_memory_usage_bytes");
    await page.keyboard.press("Control+Enter");
    await drawn(page);
    expect(params(page).getAll("q")).toEqual(["system_memory_usage_bytes"]);
    const asked = site().state.requests.filter(({ path }) => path === "/api/v1/query_range");
    expect(asked.map(({ query }) => query.get("query"))).toEqual(["system_memory_usage_bytes"]);
  });

  test("underlines what the server could not read, where it is, and says it in words", async () => {
    const page = await open("/explore?q=rate(up");
    await ready(page);
    const fault = page.getByRole("alert").filter({ hasText: "Ligne 1, colonne 8" });
    await fault.waitFor();
    expect(await fault.innerText()).toContain("unexpected end of input");
    await expect.poll(() => editor(page).getAttribute("aria-invalid")).toBe("true");
    const described = await editor(page).getAttribute("aria-describedby");
    expect(await fault.getAttribute("id")).toBe(described);
    await editor(page).click();
    await page.keyboard.press("End");
    await page.keyboard.type("[1m])");
    await fault.waitFor({ state: "detached" });
    expect(await editor(page).getAttribute("aria-invalid")).toBeNull();
  });

  test("without its script there is still a field, and it asks", async () => {
    const page = await open("/ops");
    await page.getByRole("rowheader", { name: "API Gateway" }).waitFor();
    await page.route(/\/editor-/, (route) => route.abort());
    await page.getByRole("link", { name: "Explorer" }).click();
    await editor(page).fill("system_memory_usage_bytes");
    await editor(page).press("Control+Enter");
    await drawn(page);
    expect(await editor(page).evaluate((one) => one.tagName)).toBe("TEXTAREA");
    expect(complaints().join("\n")).toContain("editor-");
  });
});

describePages("the graph", ({ open, site }) => {
  test("is measured in the metric's unit, in French", async () => {
    const page = await open(MEMORY);
    await drawn(page);
    const row = page.getByRole("row").filter({ hasText: '{state="cached"}' });
    expect(await row.innerText()).toMatch(/\d,\d+\u00A0Gio/);
    expect(await page.locator(".unit-choice option").first().innerText()).toContain("octets");
    await page.getByRole("combobox", { name: "Unité" }).selectOption("number");
    await expect.poll(() => row.innerText()).toMatch(/\d\u202F\d{3}\u202F\d{3}/);
    expect(params(page).get("unit")).toBe("number");
  });

  test("is read by arrow keys, each instant with its values", async () => {
    const page = await open(MEMORY);
    const chart = page.getByRole("slider", { name: "Graphe" });
    await chart.focus();
    const newest = await chart.getAttribute("aria-valuetext");
    expect(newest).toMatch(/^\d\d:\d\d:\d\d : .*Gio/u);
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => chart.getAttribute("aria-valuetext")).not.toBe(newest);
  });

  test("hides a series, shows one alone, and leaves a query out", async () => {
    const page = await open(`${MEMORY}&q=lag_seconds`);
    const toggles = page.locator(".series-toggle");
    await toggles.nth(3).waitFor();
    const shown = (): Promise<(string | null)[]> =>
      toggles.evaluateAll((all) => all.map((one) => one.getAttribute("aria-pressed")));
    await toggles.first().click();
    expect(await shown()).toEqual(["false", "true", "true", "true"]);
    await toggles.nth(1).click({ modifiers: ["ControlOrMeta"] });
    expect(await shown()).toEqual(["false", "true", "false", "false"]);
    await page.getByRole("button", { name: "Requête B affichée" }).click();
    await expect.poll(() => toggles.count()).toBe(3);
    expect(params(page).get("off")).toBe("B");
  });

  test("dragging over it asks for that stretch of time, and back returns", async () => {
    const page = await open(MEMORY, { clockAt: NOON });
    await drawn(page);
    const box = (await page.locator(".u-over").boundingBox())!;
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.25, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => params(page).get("from")).toMatch(/^2026-11-24T1/);
    const [from, to] = ["from", "to"].map((name) => Date.parse(params(page).get(name) ?? ""));
    expect(to! - from!).toBeGreaterThan(180_000);
    expect(to! - from!).toBeLessThan(280_000);
    await page.goBack();
    await expect.poll(() => params(page).get("from")).toBe("now-15m");
  });

  test("more lines than can be told apart are cut, and it says so", async () => {
    const page = await open("/explore?q=many");
    await page.getByText("60 courbes sur 75 sont tracées").waitFor();
    await drawn(page);
    expect(await page.locator(".series-toggle").count()).toBe(60);
  });

  test("what the server warns of stands above the answer", async () => {
    const page = await open("/explore?q=doubtful");
    await page.getByText("results may be incomplete").waitFor();
  });

  test("no series is said, and is no fault", async () => {
    const page = await open("/explore?q=nothing");
    await page.getByText("Aucune série ne répond à cette requête").waitFor();
    expect(await page.getByRole("alert").filter({ hasText: /./ }).count()).toBe(0);
  });

  test("one query at fault leaves the other its graph", async () => {
    const page = await open(`${MEMORY}&q=rate(up`);
    await drawn(page);
    await page.getByRole("alert").filter({ hasText: "Ligne 1, colonne 8" }).waitFor();
    expect(await page.locator(".series-toggle").count()).toBe(3);
  });

  test("an engine that is away is said, and asking again succeeds", async () => {
    site().state.failing.add("/api/v1/query_range");
    const page = await open(MEMORY);
    await page.getByRole("alert").filter({ hasText: "503" }).waitFor();
    site().state.failing.clear();
    await page.getByRole("button", { name: "Exécuter" }).click();
    await drawn(page);
  });

  test("refreshes by itself when told to, and asks for the newer instants", async () => {
    const page = await open(`${MEMORY}&refresh=5`, { clockAt: NOON });
    await drawn(page);
    const ends = (): readonly number[] =>
      site()
        .state.requests.filter(({ path }) => path === "/api/v1/query_range")
        .map(({ query }) => Number(query.get("end")));
    const before = ends().length;
    await page.clock.runFor(11_000);
    await expect.poll(() => ends().length).toBeGreaterThan(before);
    expect(ends().at(-1)).toBeGreaterThan(ends()[0]!);
  });
});

describePages("the table", ({ open }) => {
  const states = (page: Page): Promise<string[]> =>
    page.locator(".instant-table tbody td:first-child").allInnerTexts();

  test("is sorted by any column, and filtered by words", async () => {
    const page = await open("/explore?q=system_memory_usage_bytes&view=table");
    await page.getByRole("cell", { name: "cached" }).waitFor();
    expect(await states(page)).toEqual(["cached", "free", "used"]);
    await page.getByRole("button", { name: "Valeur" }).click();
    await expect.poll(() => states(page)).toEqual(["used", "free", "cached"]);
    const head = page.getByRole("columnheader", { name: "Valeur" });
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    await page.getByRole("searchbox", { name: "Filtrer les lignes" }).fill("cach");
    await expect.poll(() => states(page)).toEqual(["cached"]);
    await page.getByText(`1 sur 3 lignes`).waitFor();
  });
});

describePages("what one takes along", ({ open }) => {
  test("the copied link shows the same to somebody else, its times standing still", async () => {
    const page = await open(MEMORY, { clockAt: NOON });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await drawn(page);
    await page.getByRole("button", { name: "Copier le lien" }).click();
    await page.getByText("Lien copié").waitFor();
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    expect(link.pathname).toBe("/explore");
    expect(link.searchParams.getAll("q")).toEqual(["system_memory_usage_bytes"]);
    const [from, to] = ["from", "to"].map((name) => Date.parse(link.searchParams.get(name) ?? ""));
    expect(to! - from!).toBeGreaterThan(14 * 60_000);
    const other = await open(`${link.pathname}${link.search}`);
    await drawn(other);
    expect(await other.getByRole("combobox", { name: "Période" }).inputValue()).toBe("current");
  });

  test("the French CSV is read by a French spreadsheet, and holds what is drawn", async () => {
    const page = await open("/explore?q=lag_seconds&from=now-15m&to=now", { clockAt: NOON });
    await drawn(page);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSV" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^novaevo-2026-11-24T1\dh\d\d\.csv$/);
    const text = await readFile(await download.path(), "utf8");
    const [head = "", first = "", ...rest] = text.split("\r\n");
    expect(head).toBe('\uFEFFtime;"{host=""web-1""}"');
    expect(first).toMatch(/^2026-11-24T1\d:\d\d:\d\d\.000Z;0,\d+$/);
    expect(rest.length).toBeGreaterThan(100);
  });

  test("the table's CSV has a column for each label", async () => {
    const page = await open("/explore?q=system_memory_usage_bytes&view=table&lang=en");
    await page.getByRole("cell", { name: "cached" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSV" }).click(),
    ]);
    const [head, first] = (await readFile(await download.path(), "utf8")).split("\r\n");
    expect(head).toBe("\uFEFFquery,__name__,state,host,time,value");
    expect(first).toMatch(/^A,system_memory_usage_bytes,used,web-1,[^,]+Z,\d+$/);
  });
});

describePages("metrics", ({ open }) => {
  test("are listed with type, unit and help, and one click asks what one wants to know", async () => {
    const page = await open("/explore");
    await page.getByRole("button", { name: "Métriques", exact: true }).click();
    const list = page.getByRole("dialog", { name: "Métriques" });
    const orders = list.getByRole("button", { name: /^shop_orders_total/ });
    await orders.waitFor();
    expect(await orders.innerText()).toContain("compteur");
    expect(await orders.innerText()).toContain("Orders taken.");
    await list.getByRole("searchbox").fill("duration bucket");
    await expect.poll(() => list.locator(".metric").count()).toBe(1);
    await list.locator(".metric").click();
    await drawn(page);
    expect(params(page).getAll("q")).toEqual([
      "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    ]);
    const row = page.locator(".series-legend tbody tr").first();
    expect(await row.innerText()).toMatch(new RegExp(`\\d${N}ms`));
  });
});

describePages("the range", ({ open }) => {
  test("exact dates are Paris's, and an end before the start is refused in words", async () => {
    const page = await open(MEMORY, { clockAt: NOON });
    await drawn(page);
    await page.getByRole("combobox", { name: "Période" }).selectOption("exact");
    await page.getByLabel("Du", { exact: true }).fill("2026-11-24T12:00");
    await page.getByLabel("Au", { exact: true }).fill("2026-11-24T11:00");
    await page.getByRole("alert").filter({ hasText: "La fin doit suivre" }).waitFor();
    await page.getByLabel("Au", { exact: true }).fill("2026-11-24T12:30");
    await page.getByRole("button", { name: "Appliquer" }).click();
    await expect.poll(() => params(page).get("from")).toBe("2026-11-24T11:00:00.000Z");
    expect(params(page).get("to")).toBe("2026-11-24T11:30:00.000Z");
    await page.getByRole("button", { name: "Plus tôt" }).click();
    await expect.poll(() => params(page).get("from")).toBe("2026-11-24T10:45:00.000Z");
  });
});
