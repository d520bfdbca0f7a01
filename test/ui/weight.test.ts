/** What a reader waits for and reads: the size of the first load, and words in both languages. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { rehearse } from "./fixtures/respond.ts";
import { DIST } from "./site.ts";
import { describePages, filled } from "./visit.ts";

const KB = 1_000;
const FIRST_LOAD = 150 * KB;
/** The explorer's editor, which comes after its page: CodeMirror and Prometheus's own language. */
const EDITOR = 150 * KB;
const STYLES = 12 * KB;
const FONT = 50 * KB;
const LOCALES = new URL("../../ui/src/locales/", import.meta.url);
const SOURCE = new URL("../../ui/src/", import.meta.url);

const gzipped = async (name: string): Promise<number> =>
  gzipSync(await readFile(path.join(DIST, name))).length;

/** Bytes of script the page asked for, gzipped. */
const scriptsOf = async (page: Page): Promise<number> => {
  const loaded = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
  );
  const scripts = loaded.filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(2);
  const sizes = await Promise.all(scripts.map(gzipped));
  return sizes.reduce((sum, size) => sum + size, 0);
};

describePages("first load", ({ open, site }) => {
  test.each([
    ["/ops", "1 → 3"],
    ["/ops?tab=actions", "13 sur 14"],
    ["/ops?tab=capacity", "Dernière heure"],
    ["/ops/scheduling", "P99"],
    ["/ops?tab=rehearsal", "Mesure valable"],
  ] as const)("%s in rehearsal asks for at most 150 KB of script", async (place, shown) => {
    rehearse(site().state);
    const page = await open(place);
    await page.getByText(shown).first().waitFor();
    expect(await scriptsOf(page)).toBeLessThanOrEqual(FIRST_LOAD);
  });

  test.each([
    ["/ops", "Temps de réponse"],
    ["/ops?tab=infra", "Débit du réseau"],
    ["/ops?tab=app", "Erreurs par canal"],
    ["/go", undefined],
  ] as const)("%s asks for at most 150 KB of script", async (place, chart) => {
    const page = await open(place);
    if (place === "/go") await filled(page, place);
    else await page.getByRole("slider", { name: chart, exact: true }).waitFor();
    expect(await scriptsOf(page)).toBeLessThanOrEqual(FIRST_LOAD);
  });
});

describePages("the explorer", ({ open }) => {
  test("its page is a first load like the others; the editor comes after, in one piece", async () => {
    const page = await open("/explore");
    await page.getByText("Interroger les mesures").waitFor();
    await page.locator(".cm-content").waitFor();
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
    );
    const scripts = loaded.filter((name) => name.endsWith(".js"));
    const editors = scripts.filter((name) => name.includes("/editor-"));
    expect(editors).toHaveLength(1);
    const weigh = async (names: readonly string[]): Promise<number> =>
      (await Promise.all(names.map(gzipped))).reduce((sum, size) => sum + size, 0);
    expect(await weigh(editors)).toBeLessThanOrEqual(EDITOR);
    expect(await weigh(scripts.filter((name) => !editors.includes(name)))).toBeLessThanOrEqual(
      FIRST_LOAD,
    );
  });

  test.each(["/ops", "/go", "/ops?tab=app"])("%s loads nothing of it", async (place) => {
    const page = await open(place);
    // The page is there, with all it asked for; a live page's network never rests.
    await page.locator("main :is(h1, h2, table)").first().waitFor();
    const loaded = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname),
    );
    expect(loaded.filter((name) => /\/(?:editor|explore)-/.test(name))).toEqual([]);
  });
});

test("styles and font keep to their sizes", async () => {
  const names = await readdir(path.join(DIST, "assets"));
  const styles = names.filter((name) => name.endsWith(".css"));
  expect(styles.length).toBeGreaterThan(0);
  const sizes = await Promise.all(styles.map((name) => gzipped(`assets/${name}`)));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(STYLES);
  const fonts = names.filter((name) => name.endsWith(".woff2"));
  expect(fonts).toHaveLength(1);
  const font = await readFile(path.join(DIST, "assets", fonts[0] ?? ""));
  expect(font.length).toBeLessThanOrEqual(FONT);
});

type Catalog = ReadonlyMap<string, string>;
const ENTRY = /^msgid "(?<id>.+)"\nmsgstr "(?<text>.*)"$/gm;
const catalog = async (lang: string): Promise<Catalog> => {
  const text = await readFile(new URL(`${lang}.po`, LOCALES), "utf8");
  return new Map(
    [...text.matchAll(ENTRY)].map(({ groups }) => [groups?.["id"] ?? "", groups?.["text"] ?? ""]),
  );
};

/** Ids the source asks for, in full or as the start of one it completes. */
const asked = async (): Promise<readonly string[]> => {
  const names = await readdir(SOURCE, { recursive: true });
  const files = names.filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".test.ts"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, SOURCE), "utf8")));
  return texts.flatMap((text) =>
    [...text.matchAll(/\bt\(\s*["`](?<id>[\w.-]+)/g)].map(({ groups }) => groups?.["id"] ?? ""),
  );
};

test("both catalogues say everything, with the same values", async () => {
  const [fr, en] = [await catalog("fr"), await catalog("en")];
  expect(fr.size).toBeGreaterThan(100);
  expect([...en.keys()].toSorted()).toEqual([...fr.keys()].toSorted());
  const holes = (text: string): readonly string[] =>
    [...new Set([...text.matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name ?? ""))].toSorted();
  for (const [id, text] of fr) {
    const other = en.get(id) ?? "";
    expect(`${id}: ${text !== "" && other !== ""}`).toBe(`${id}: true`);
    expect([id, holes(other)]).toEqual([id, holes(text)]);
  }
});

test("what the source asks for is in the catalogue", async () => {
  const ids = [...(await catalog("fr")).keys()];
  const wanted = await asked();
  expect(wanted.length).toBeGreaterThan(80);
  const missing = wanted.filter((id) =>
    id.endsWith(".") ? !ids.some((known) => known.startsWith(id)) : !ids.includes(id),
  );
  expect(missing).toEqual([]);
});

test("French binds its high punctuation: no line starts with a mark", async () => {
  const loose = [...(await catalog("fr"))].filter(([, text]) => / [:;!?%»]|« /.test(text));
  expect(loose).toEqual([]);
});
