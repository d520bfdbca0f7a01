/**
 * What the web app weighs and costs, against the product as people start it.
 *
 * Shape:  `node bench/ui.ts [seconds=20] [loads=7]`; starts `up` on a fresh folder, signs Chromium
 *         in by a code, loads /ops and /go each `loads` times with an empty cache, then watches
 *         /ops live for `seconds`. Each figure is printed beside its bar. Needs `ui/dist` and a
 *         Chromium; headless, software raster.
 * Units:  KB are 1,000 bytes, gzipped; CPU as a share of one core, in CPU time, so load on the
 *         machine does not count; largest paint in ms of wall time, so there it does.
 * Source: the bars are those of DESIGN §6. The main thread's CPU is Chromium's `TaskDuration` on
 *         the thread's own clock; the browser's is the sum over all of its processes.
 */
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { removed, run, startUp, temporary, waitingFor, type Up } from "../test/programs/lab.ts";
import { LAPTOP, openBrowser } from "../test/ui/browser.ts";
import { DIST } from "../test/ui/site.ts";

const KB = 1_000;
const POLL_MS = 100;
const SETTLE_MS = 3_000;
const BAR = { firstLoadKb: 150, paintMs: 1_000, mainShare: 0.03, browserShare: 0.1 } as const;

const main = async (seconds: number, loads: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  let up: Up | undefined;
  let browser: Browser | undefined;
  try {
    const dataDir = path.join(root, "data");
    await mkdir(dataDir);
    up = await startUp(dataDir);
    while ((await waitingFor(up)).length > 0) await delay(POLL_MS);
    browser = await openBrowser();
    const context = await signedIn(browser, up);
    const { version } = await context.browser()!.newBrowserCDPSession().then(versionOf);
    console.log(`${version}, ${LAPTOP.width}×${LAPTOP.height}`);
    for (const place of ["/ops", "/go"]) {
      const { kb, paintsMs } = await loaded(browser, context, `${up.url}${place}`, loads);
      line(`${place} first load, script`, kb, BAR.firstLoadKb, "KB gz");
      line(`${place} largest paint, median`, median(paintsMs), BAR.paintMs, "ms");
      line(`${place} largest paint, worst of ${loads}`, Math.max(...paintsMs), BAR.paintMs, "ms");
    }
    const live = await watched(browser, context, `${up.url}/ops`, seconds);
    line(
      `live /ops, main thread, ${seconds} s`,
      live.main * 100,
      BAR.mainShare * 100,
      "% of a core",
    );
    line("live /ops, whole browser", live.whole * 100, BAR.browserShare * 100, "% of a core");
    console.log(`${live.frames} updates of the page meanwhile`);
  } finally {
    await browser?.close();
    await up?.stop();
    await removed(root);
  }
};

const versionOf = async (cdp: CDPSession): Promise<{ readonly version: string }> => {
  const { product } = await cdp.send("Browser.getVersion");
  return { version: product };
};

const signedIn = async (browser: Browser, up: Up): Promise<BrowserContext> => {
  const answer = await run(["code", "--json", "--data", up.dataDir, "--port", String(up.port)]);
  const code = /"code":\s*"(?<code>[^"]+)"/.exec(answer.stdout)?.groups?.["code"];
  if (code === undefined) throw new Error(`no code: ${answer.stdout}${answer.stderr}`);
  const context = await browser.newContext({ viewport: LAPTOP, locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(`${up.url}/#code=${code}`);
  await page.waitForURL("**/ops");
  await page.close();
  return context;
};

type Loads = { readonly kb: number; readonly paintsMs: readonly number[] };

const loaded = async (
  browser: Browser,
  context: BrowserContext,
  url: string,
  loads: number,
): Promise<Loads> => {
  const storageState = await context.storageState();
  const paintsMs: number[] = [];
  let kb = 0;
  for (let n = 0; n < loads; n += 1) {
    // A profile of its own, so that nothing comes from a cache.
    const fresh = await browser.newContext({ storageState, viewport: LAPTOP, locale: "fr-FR" });
    const page = await fresh.newPage();
    await page.goto(url);
    await page.locator("tbody tr").first().waitFor();
    if (url.endsWith("/ops")) await page.getByRole("slider").last().waitFor();
    paintsMs.push(await largestPaintMs(page));
    kb = await scriptKb(page);
    await fresh.close();
  }
  return { kb, paintsMs };
};

/** The last candidate so far: taken once the page shows data, which is later than any other. */
const largestPaintMs = (page: Page): Promise<number> =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) =>
          resolve(list.getEntries().at(-1)?.startTime ?? NaN),
        ).observe({ type: "largest-contentful-paint", buffered: true });
      }),
  );

const scriptKb = async (page: Page): Promise<number> => {
  const names = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
  );
  const scripts = names.filter((name) => name.endsWith(".js"));
  const files = await Promise.all(scripts.map((name) => readFile(path.join(DIST, name))));
  return files.reduce((sum, bytes) => sum + gzipSync(bytes).length, 0) / KB;
};

type Live = { readonly main: number; readonly whole: number; readonly frames: number };

const watched = async (
  browser: Browser,
  context: BrowserContext,
  url: string,
  seconds: number,
): Promise<Live> => {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  const machine = await browser.newBrowserCDPSession();
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(url);
  await page.getByRole("slider").last().waitFor();
  await delay(SETTLE_MS);
  const changes = await countChanges(page);
  const [main0, whole0, from] = [await mainSeconds(cdp), await wholeSeconds(machine), now()];
  await delay(seconds * 1_000);
  const [main1, whole1, to] = [await mainSeconds(cdp), await wholeSeconds(machine), now()];
  const frames = await changes();
  await page.close();
  return { main: (main1 - main0) / (to - from), whole: (whole1 - whole0) / (to - from), frames };
};

const now = (): number => performance.now() / 1_000;

const mainSeconds = async (cdp: CDPSession): Promise<number> => {
  const { metrics } = await cdp.send("Performance.getMetrics");
  const found = metrics.find(({ name }) => name === "TaskDuration");
  if (found === undefined) throw new Error("Chromium gave no TaskDuration");
  return found.value;
};

const wholeSeconds = async (cdp: CDPSession): Promise<number> => {
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
};

/** A page that shows nothing new costs nothing: proof that it was live. */
const countChanges = async (page: Page): Promise<() => Promise<number>> => {
  await page.evaluate(() => {
    const seen = Object.assign(globalThis, { novaevoChanges: 0 });
    new MutationObserver(() => (seen.novaevoChanges += 1)).observe(
      document.querySelector("main")!,
      {
        characterData: true,
        childList: true,
        subtree: true,
      },
    );
  });
  return () =>
    page.evaluate(() => (globalThis as unknown as { novaevoChanges: number }).novaevoChanges);
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const line = (title: string, value: number, bar: number, unit: string): void => {
  const verdict = value <= bar ? "within" : "OVER";
  const figure = value.toFixed(unit === "ms" ? 0 : 1).padStart(8);
  console.log(`${title.padEnd(38)}${figure} ${unit.padEnd(12)} bar ≤ ${bar}  ${verdict}`);
};

await main(Number(process.argv[2] ?? 20), Number(process.argv[3] ?? 7));
