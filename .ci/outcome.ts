/**
 * Starts this checkout as a newcomer does and looks at what he would see, over HTTP and in Chromium.
 *
 * Fails when a KPI that can be measured is not live, when the page complains, or when the stop is
 * not clean.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { chromium } from "playwright-core";
import { freePort } from "../src/io/process/port.ts";

const LIVE = ["api-response-time", "error-rate", "resource-usage", "availability"];
const PATIENCE_MS = 90_000;
const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/#code=\S+/;

const dataDir = await mkdtemp(path.join(tmpdir(), "novaevo-outcome-"));
const port = await freePort();
const child = spawn("npm", ["start"], {
  stdio: ["ignore", "pipe", "inherit"],
  env: { ...process.env, NOVAEVO_DATA: dataDir, NOVAEVO_PORT: String(port) },
  detached: true,
});
let said = "";
child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));

const until = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined) => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`not seen: ${what}\n${said}`);
    await delay(100);
  }
};

const isGone = (group: number): boolean => {
  try {
    process.kill(group, 0);
    return false;
  } catch {
    return true;
  }
};

const overHttp = async (): Promise<void> => {
  const base = `http://127.0.0.1:${port}`;
  const token = (await readFile(path.join(dataDir, "admin-token"), "utf8")).trim();
  const get = async (at: string) =>
    (await (
      await fetch(`${base}${at}`, { headers: { authorization: `Bearer ${token}` } })
    ).json()) as { items: { id: string; reading: { value: number | null } | null }[] };
  await until("live KPIs", async () => {
    const { items } = await get("/api/app/kpis");
    const live = new Set(items.filter(({ reading }) => reading?.value != null).map(({ id }) => id));
    return LIVE.every((id) => live.has(id)) || undefined;
  });
  const gates = await get("/api/app/gates");
  if (gates.items.length === 0) throw new Error("no gate is shown");
};

const inChromium = async (address: string): Promise<void> => {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage({ locale: "fr-FR" });
  const complaints: string[] = [];
  page.on("pageerror", (fault) => complaints.push(String(fault)));
  page.on("console", (line) => {
    if (line.type() === "error") complaints.push(line.text());
  });
  await page.goto(address);
  await page.getByRole("row", { name: /^Hub OK/ }).waitFor();
  await page.getByRole("link", { name: "Infrastructure" }).click();
  await page.getByRole("heading", { name: /^Serveurs/ }).waitFor();
  await page.getByRole("link", { name: "Explorer" }).click();
  await page.getByRole("button", { name: "Exécuter" }).waitFor();
  await page.getByRole("link", { name: "Décision" }).first().click();
  await page.getByText("Temps de réponse API").first().waitFor();
  await browser.close();
  if (complaints.length > 0) throw new Error(`the page complains: ${complaints.join("\n")}`);
};

try {
  const address = await until("the sign-in link", () => ADDRESS.exec(said)?.[0]);
  await overHttp();
  await inChromium(address);
} finally {
  process.kill(-child.pid!, "SIGTERM");
  await until("the end of every process", () => isGone(-child.pid!) || undefined);
  await rm(dataDir, { recursive: true, force: true });
}
process.stdout.write("the outcome is there: live KPIs, gates, pages without complaint\n");
