/** The explorer and the tabs on the product as people start it: its agent, doors and PromQL. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endAll, ready, removed, run, startUp, temporary, type Up } from "../programs/lab.ts";
import { chromium, LAPTOP, openBrowser } from "./browser.ts";

const SKIPPED = chromium === undefined ? " (skipped: no Chromium here)" : "";
const PATIENCE = { timeout: 60_000, interval: 500 };

describe.skipIf(chromium === undefined)(`on a running hub, in Chromium${SKIPPED}`, () => {
  let root: string;
  let up: Up;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    root = await temporary();
    const dataDir = path.join(root, "data");
    await mkdir(dataDir);
    up = await startUp(dataDir);
    const said = await run(["code", "--json", "--data", up.dataDir, "--port", String(up.port)]);
    const { code } = JSON.parse(said.stdout) as { readonly code: string };
    browser = await openBrowser();
    const context = await browser.newContext({ viewport: LAPTOP, locale: "fr-FR" });
    page = await context.newPage();
    await page.goto(`${up.url}/#code=${code}`);
    await page.waitForURL("**/ops");
  });
  afterAll(async () => {
    await browser?.close();
    await up?.stop();
    await endAll();
    await removed(root);
  });

  test("a metric of the agent is drawn in its unit, and its name is proposed", async () => {
    await ready(up);
    await page.goto(`${up.url}/explore?q=system_memory_usage_bytes&from=now-15m&to=now&refresh=5`);
    const rows = page.locator(".series-legend tbody tr");
    await expect.poll(() => rows.count(), PATIENCE).toBe(4);
    await expect
      .poll(() => rows.allInnerTexts(), PATIENCE)
      .toContainEqual(expect.stringMatching(/[GM]io/));
    await page.locator(".cm-content").click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("system_cpu_ut");
    await page.getByRole("option", { name: /^system_cpu_utilization_ratio/ }).waitFor();
  });

  test("what its parser refuses is underlined at the parser's own position", async () => {
    await page.goto(`${up.url}/explore?q=${encodeURIComponent("sum(rate(up[5m])")}`);
    await page.getByRole("alert").filter({ hasText: "Ligne 1, colonne 17" }).waitFor();
    await page.locator(".cm-lintRange-error, .cm-lintPoint-error").first().waitFor();
  });

  test("the machine it runs on is among the servers", async () => {
    await page.goto(`${up.url}/ops?tab=infra`);
    const host = page.locator("[data-panel=hosts] tbody tr");
    await expect.poll(() => host.count(), PATIENCE).toBe(1);
    await expect.poll(() => host.innerText(), PATIENCE).toMatch(/\d\u00A0%/);
    await page.locator("[data-panel=fileSystems] tbody tr").first().waitFor();
  });

  test("spans sent to its door become a service, a link and a transaction", async () => {
    await page.goto(`${up.url}/ops?tab=app`);
    await page.getByRole("heading", { name: "Raccorder les traces des services" }).waitFor();
    const answer = await fetch(`${up.url}/v1/traces`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await up.token()}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ resourceSpans: [shop(), stock()] }),
    });
    expect(answer.status).toBe(200);
    const services = page.locator("[data-panel=app-services] tbody th");
    await expect.poll(() => services.allInnerTexts(), PATIENCE).toEqual(["stock"]);
    await page.getByRole("img", { name: /^Carte de 2 services et 1 liaison/ }).waitFor();
    const transaction = page.locator("[data-panel=app-transactions] tbody tr");
    expect(await transaction.innerText()).toContain("GET /items");
  });
});

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const ASKS = "b7ad6b7169203331";

const spanOf = (service: string, span: object): object => {
  const startMs = Date.now() - 200;
  return {
    resource: { attributes: [{ key: "service.name", value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: TRACE,
            startTimeUnixNano: `${startMs}000000`,
            endTimeUnixNano: `${startMs + 80}000000`,
            ...span,
          },
        ],
      },
    ],
  };
};
const shop = (): object => spanOf("shop", { spanId: ASKS, name: "call", kind: 3 });
const stock = (): object =>
  spanOf("stock", {
    ...{ spanId: "00f067aa0ba902b7", parentSpanId: ASKS, name: "GET /items", kind: 2 },
    attributes: [{ key: "http.route", value: { stringValue: "/items" } }],
  });
