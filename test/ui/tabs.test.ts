/** The tabs of operations: servers, storage, network; APIs, services, transactions. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { describePages, filled } from "./visit.ts";

const N = "\u00A0";
const heads = (page: Page, panel: string): Promise<string[]> =>
  page.locator(`[data-panel=${panel}] tbody th`).allInnerTexts();

describePages("tabs of operations", ({ open, site }) => {
  test("are places: each has an address, and back returns", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.getByRole("link", { name: "Infrastructure" }).click();
    await page.getByRole("rowheader", { name: "web-1" }).waitFor();
    expect(new URL(page.url()).searchParams.get("tab")).toBe("infra");
    expect(await page.title()).toBe("Infrastructure · Exploitation · NovaEvo");
    const current = page.locator(".page-tab[aria-current=page]");
    expect(await current.innerText()).toBe("Infrastructure");
    await page.goBack();
    await filled(page, "/ops");
    expect(await current.innerText()).toBe("Vue d’ensemble");
  });

  test("servers are sorted by what one asks, busiest first", async () => {
    const page = await open("/ops?tab=infrastructure");
    await page.getByRole("rowheader", { name: "web-1" }).waitFor();
    expect(await heads(page, "hosts")).toEqual(["web-2", "web-1", "base-1"]);
    await page.getByRole("button", { name: "Mémoire" }).click();
    expect(await heads(page, "hosts")).toEqual(["base-1", "web-2", "web-1"]);
    await page.locator("[data-panel=hosts]").getByRole("button", { name: "Machine" }).click();
    expect(await heads(page, "hosts")).toEqual(["base-1", "web-1", "web-2"]);
    const row = page.getByRole("row").filter({ hasText: "web-2" }).first();
    expect(await row.innerText()).toContain(`91${N}%`);
    expect(await row.innerText()).toContain(`écriture 9,5${N}Mio/s`);
  });

  test("a network that loses is marked, one that does not is not", async () => {
    const page = await open("/ops?tab=infra");
    const rows = page.locator("[data-panel=networks] tbody tr");
    await rows.first().waitFor();
    const losing = rows.filter({ hasText: "web-1" });
    expect(await losing.locator("[data-shape=triangle]").count()).toBe(1);
    expect(await rows.filter({ hasText: "base-1" }).locator("[data-shape]").count()).toBe(0);
  });

  test("services say their state and why; the worst stands first", async () => {
    const page = await open("/ops?tab=app");
    await page.getByRole("img", { name: /^Carte de/ }).waitFor();
    expect(await heads(page, "app-services")).toEqual(["rendez-vous", "kbis", "api-gateway"]);
    const silent = page.locator("[data-panel=app-services] tr").filter({ hasText: "kbis" });
    expect(await silent.innerText()).toMatch(/Inconnu\s+Aucun appel depuis 5\u00A0min/u);
  });

  test("errors are marked from the plan's threshold on", async () => {
    const page = await open("/ops?tab=app");
    const apis = page.locator("[data-panel=app-apis] tbody tr");
    await apis.first().waitFor();
    const marked = apis.filter({ has: page.locator("[data-shape=triangle]") });
    expect(await marked.count()).toBe(1);
    expect(await marked.innerText()).toContain(`5,8${N}%`);
    const rare = apis.filter({ hasText: "/api/app/overview" });
    expect(await rare.innerText()).toContain(`<${N}0,01${N}req/s`);
  });

  test("the map draws each service once, and is a table too", async () => {
    const page = await open("/ops?tab=app");
    const map = page.getByRole("img", { name: "Carte de 4 services et 3 liaisons" });
    await map.waitFor();
    const names = await map.locator(".map-name").allTextContents();
    expect(names.toSorted()).toEqual(["Utilisateurs", "api-gateway", "postgresql", "rendez-vous"]);
    expect(await map.locator(".map-edge-failing").count()).toBe(1);
    expect(await map.locator(".map-failing").textContent()).toBe(`▲ 5,8${N}%`);
    await page.getByRole("button", { name: "Carte des services en tableau" }).click();
    expect(await heads(page, "map")).toEqual(["user", "rendez-vous", "api-gateway"]);
  });

  test("without spans it says what to connect, with this address", async () => {
    Object.assign(site().state.application, { hasSpans: false, services: [], edges: [] });
    const page = await open("/ops?tab=app");
    await page.getByRole("heading", { name: "Raccorder les traces des services" }).waitFor();
    expect(await page.locator(".connect pre").innerText()).toContain(
      `OTEL_EXPORTER_OTLP_ENDPOINT=${site().url}`,
    );
    await page.getByText("Aucun service n’a envoyé de trace").waitFor();
  });

  test("without agents it says so, and is not a row of zeros", async () => {
    const none = { hosts: [], fileSystems: [], disks: [], networks: [], why: "no_data" };
    Object.assign(site().state.infrastructure, none);
    const page = await open("/ops?tab=infra");
    await page.getByText("novaevo agent").first().waitFor();
    expect(await page.locator("[data-panel=hosts] table").count()).toBe(0);
  });

  test("what changes appears by itself; a fault keeps what was there", async () => {
    const page = await open("/ops?tab=infra");
    const cpu = page.locator("[data-panel=hosts] tbody tr").first().locator("td").first();
    await expect.poll(() => cpu.innerText()).toContain(`91${N}%`);
    site().state.infrastructure.hosts[1]!.cpu = 0.97;
    await expect.poll(() => cpu.innerText(), { timeout: 15_000 }).toContain(`97${N}%`);
    site().state.failing.add("/api/app/infrastructure");
    await page.getByText("Mise à jour impossible").waitFor();
    expect(await cpu.innerText()).toContain(`97${N}%`);
  });
});
