/** Who cannot see, point, or use a wide screen: every page, both themes, both widths. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { NOON } from "./fixtures/board.ts";
import { rehearse } from "./fixtures/respond.ts";
import { describePages, filled, SIZES, type Visit } from "./visit.ts";

/** A page is looked at in all four variants; a state of a page in two that differ in both. */
const ALL: Themes = { laptop: ["light", "dark"], phone: ["light", "dark"] };
const TWO: Themes = { laptop: ["light"], phone: ["dark"] };
const AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** An open menu stands outside the landmarks, beside the page it belongs to. */
const OUTSIDE = "region";
/** Smallest target on a phone, px. */
const TOUCH_PX = 44;

const violations = async (page: Page): Promise<readonly string[]> => {
  const axe = new AxeBuilder({ page }).withTags(AA).disableRules(OUTSIDE);
  const { violations: found } = await axe.analyze();
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** A link inside a sentence is exempt, as in WCAG 2.5.8. */
const smallTargets = (page: Page): Promise<readonly string[]> =>
  page.evaluate((least) => {
    const all = document.querySelectorAll<HTMLElement>(
      "a:not(.inline-link):not(.skip), button, select, summary, [role=tab], .choice-one",
    );
    return [...all]
      .filter((one) => one.offsetParent !== null && one.getBoundingClientRect().height < least)
      .map((one) => `${one.outerHTML.slice(0, 120)} ${one.getBoundingClientRect().height}`);
  }, TOUCH_PX);

type Themes = Readonly<Record<keyof typeof SIZES, readonly ("light" | "dark")[]>>;

/** One load, then each width and theme asked for: what axe and a ruler find, by variant. */
const faultsOf = async (page: Page, themes: Themes): Promise<Record<string, unknown>> => {
  const found: Record<string, unknown> = {};
  for (const size of ["laptop", "phone"] as const) {
    await page.setViewportSize(SIZES[size]);
    for (const colorScheme of themes[size]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const faults = await violations(page);
      if (faults.length > 0) found[`${size}, ${colorScheme}`] = faults;
    }
    const wider = await overflow(page);
    if (wider !== 0) found[`${size}, sideways`] = wider;
  }
  return found;
};

/** A page of a rehearsal, once it shows this. */
const rehearsed =
  (path: string, shown: string) =>
  async ({ open, site }: Visit): Promise<Page> => {
    rehearse(site().state);
    const page = await open(path);
    await page.locator(".rehearsal-mark").waitFor();
    await page.getByText(shown).first().waitFor();
    return page;
  };

const PLACES: readonly {
  readonly title: string;
  readonly themes?: Themes;
  readonly show: (visit: Visit) => Promise<Page>;
}[] = [
  {
    title: "sign-in",
    themes: ALL,
    show: async ({ open, site }) => {
      site().state.signedIn = false;
      const page = await open("/sign-in");
      await page.getByLabel("Mot de passe").waitFor();
      return page;
    },
  },
  {
    title: "operations",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/ops");
      await filled(page, "/ops");
      await page.getByRole("slider", { name: "Temps de réponse" }).waitFor();
      return page;
    },
  },
  {
    title: "a chart as its table",
    show: async ({ open }) => {
      const page = await open("/ops");
      await page.getByRole("button", { name: "Temps de réponse en tableau" }).click();
      await page.getByRole("columnheader", { name: "P99" }).waitFor();
      return page;
    },
  },
  {
    title: "decision",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/go");
      await filled(page, "/go");
      return page;
    },
  },
  {
    title: "one KPI",
    show: async ({ open }) => {
      const page = await open("/go?kpi=error-rate");
      await page.getByRole("img", { name: /lectures, cible/ }).waitFor();
      return page;
    },
  },
  {
    title: "shortcuts",
    show: async ({ open }) => {
      const page = await open("/ops");
      await filled(page, "/ops");
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      return page;
    },
  },
  {
    title: "the reader's menu",
    show: async ({ open }) => {
      const page = await open("/ops");
      await filled(page, "/ops");
      await page.getByRole("button", { name: /^Menu de/ }).click();
      await page.getByRole("menu").waitFor();
      return page;
    },
  },
  {
    title: "infrastructure",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/ops?tab=infra");
      await page.getByRole("rowheader", { name: "web-2" }).waitFor();
      await page.getByRole("slider", { name: "Débit du réseau" }).waitFor();
      return page;
    },
  },
  {
    title: "application",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/ops?tab=app");
      await page.getByRole("img", { name: /^Carte de/ }).waitFor();
      await page.getByRole("slider", { name: "Temps de réponse des services" }).waitFor();
      return page;
    },
  },
  {
    title: "operations with actions and scaling",
    themes: ALL,
    show: async (visit) => {
      const page = await rehearsed("/ops", "retour attendu à")(visit);
      await page.getByText("1 → 3").waitFor();
      return page;
    },
  },
  {
    title: "corrective actions",
    themes: ALL,
    show: rehearsed("/ops?tab=actions", "13 sur 14, au moins"),
  },
  {
    title: "one action",
    show: rehearsed("/ops?tab=actions&action=ACT-14", "Déroulement"),
  },
  {
    title: "a decision that wants its reason",
    show: async (visit) => {
      const page = await rehearsed("/ops?tab=actions", "délai de repos")(visit);
      await page.getByRole("button", { name: "Rejeter ACT-15" }).click();
      await page.getByLabel("Motif", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Rejeter", exact: true }).click();
      await page.getByRole("alert").filter({ hasText: "motif" }).waitFor();
      return page;
    },
  },
  {
    title: "capacity",
    themes: ALL,
    show: rehearsed("/ops?tab=capacity", "Dernière heure"),
  },
  {
    title: "one service",
    themes: ALL,
    show: async (visit) => {
      const page = await rehearsed("/ops/scheduling", "scheduling.paris.2")(visit);
      await page.getByRole("slider", { name: "Temps de réponse" }).waitFor();
      return page;
    },
  },
  {
    title: "rehearsal",
    themes: ALL,
    show: rehearsed("/ops?tab=rehearsal", "Mesure valable"),
  },
  {
    title: "tabs nothing is connected to",
    show: async ({ open, site }) => {
      const { state } = site();
      const none = { apis: [], services: [], edges: [], transactions: [] };
      Object.assign(state.application, none, { hasSpans: false, why: "no_data" });
      const page = await open("/ops?tab=app");
      await page.getByRole("heading", { name: "Raccorder les traces" }).waitFor();
      return page;
    },
  },
  {
    title: "explorer before its first query",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/explore");
      await page.locator(".cm-content").waitFor();
      return page;
    },
  },
  {
    title: "a graph of two queries",
    themes: ALL,
    show: async ({ open }) => {
      const page = await open("/explore?q=system_memory_usage_bytes&q=lag_seconds");
      await page.locator(".cm-content").nth(1).waitFor();
      await page.getByRole("slider", { name: "Graphe" }).waitFor();
      return page;
    },
  },
  {
    title: "a table of instant values",
    show: async ({ open }) => {
      const page = await open("/explore?q=system_memory_usage_bytes&view=table");
      await page.getByRole("cell", { name: "cached" }).waitFor();
      await page.locator(".cm-content").waitFor();
      return page;
    },
  },
  {
    title: "a query at fault",
    show: async ({ open }) => {
      const page = await open("/explore?q=rate(up");
      await page.getByRole("alert").filter({ hasText: "Ligne 1" }).waitFor();
      await page.locator(".cm-lintRange-error, .cm-lintPoint-error").first().waitFor();
      return page;
    },
  },
  {
    title: "the list of metrics",
    show: async ({ open }) => {
      const page = await open("/explore");
      await page.getByRole("button", { name: "Métriques", exact: true }).click();
      await page.getByRole("button", { name: /^shop_orders_total/ }).waitFor();
      return page;
    },
  },
  {
    title: "data gone grey",
    show: async ({ open, site }) => {
      const page = await open("/ops", { clockAt: NOON });
      await filled(page, "/ops");
      await expect.poll(() => site().streams()).toBe(1);
      site().hush();
      await page.clock.runFor(6_000);
      await page.locator(".shell[data-stale=true]").waitFor();
      return page;
    },
  },
  {
    title: "nothing but faults",
    show: async ({ open, site }) => {
      for (const name of ["services", "alerts", "overview", "panels/latency"]) {
        site().state.failing.add(`/api/app/${name}`);
      }
      const page = await open("/ops");
      await page.getByText("Chargement impossible.").nth(3).waitFor();
      return page;
    },
  },
];

/** Pages, and what they show once they are filled. */
const PAGES = [
  ["/ops", "API Gateway"],
  ["/ops?tab=infra", "web-2"],
  ["/ops?tab=app", "/creneaux"],
  ["/go", "Temps de réponse API"],
  ["/explore", "Interroger les mesures"],
  ["/explore?q=system_memory_usage_bytes", '{state="cached"}'],
  ["/explore?q=system_memory_usage_bytes&view=table", "cached"],
] as const;

describePages("access", (visit) => {
  test.each(PLACES)("$title: no violation, no sideways scroll", async ({ show, themes = TWO }) => {
    expect(await faultsOf(await show(visit), themes)).toEqual({});
  });

  test("a control: a planted image without words and a wide block are found", async () => {
    const page = await visit.open("/ops");
    await filled(page, "/ops");
    await page.evaluate(() => {
      const block = document.createElement("div");
      block.style.width = "3000px";
      block.append(document.createElement("img"));
      document.querySelector("main")!.append(block);
    });
    expect(await violations(page)).toContainEqual(expect.stringMatching(/^image-alt: /));
    expect(await overflow(page)).toBeGreaterThan(1_000);
  });

  test.each([
    ["a real platform", false],
    ["a rehearsal", true],
  ])("a laptop shows all of operations without scrolling, on a bad day of %s", async (_, is) => {
    if (is) rehearse(visit.site().state);
    for (const one of visit.site().state.services.items) {
      const reason = { fr: "Réponses lentes depuis 12 minutes sur deux instances", en: "Slow" };
      Object.assign(one, { state: "degraded", reason, cpu: 0.9, memory: 0.9 });
    }
    const page = await visit.open("/ops");
    await filled(page, "/ops");
    await page.getByRole("slider", { name: "Temps de réponse" }).waitFor();
    if (is) await page.getByText("1 → 3").waitFor();
    const hidden = await page.evaluate(
      () => document.documentElement.scrollHeight - document.documentElement.clientHeight,
    );
    expect(hidden).toBe(0);
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll("[data-panel], [data-panel=services] .panel-body")]
        .filter((panel) => panel.scrollHeight > panel.clientHeight + 1)
        .map((panel) => panel.className),
    );
    expect(cut).toEqual([]);
  });

  test.each(PAGES)("%s: a thumb hits every target", async (path, shown) => {
    const page = await visit.open(path, { size: "phone" });
    await page.getByText(shown).first().waitFor();
    expect(await smallTargets(page)).toEqual([]);
  });

  test.each([
    ["/ops", "retour attendu à"],
    ["/ops?tab=actions", "13 sur 14"],
    ["/ops?tab=capacity", "Dernière heure"],
    ["/ops/scheduling", "scheduling.paris.2"],
    ["/ops?tab=rehearsal", "Mesure valable"],
  ])("%s in rehearsal: a thumb hits every target", async (path, shown) => {
    rehearse(visit.site().state);
    const page = await visit.open(path, { size: "phone" });
    await page.getByText(shown).first().waitFor();
    expect(await smallTargets(page)).toEqual([]);
  });

  test("each state has a shape and a word, not a colour alone", async () => {
    const page = await visit.open("/ops");
    await filled(page, "/ops");
    const marks = page.locator("[data-service] .mark");
    expect(await marks.count()).toBe(12);
    for (const mark of await marks.all()) {
      expect(await mark.locator("svg[data-shape]").count()).toBe(1);
      expect(await mark.innerText()).toMatch(/^(?:OK|Dégradé|Indisponible|Inconnu)$/);
    }
  });

  test("a chart is read by arrow keys, each instant with its values", async () => {
    const page = await visit.open("/ops");
    const chart = page.getByRole("slider", { name: "Temps de réponse" });
    await chart.focus();
    const newest = await chart.getAttribute("aria-valuetext");
    expect(newest).toMatch(/^13:0\d:\d\d : P50 .*\d\sms, P90 .*\d\sms, P99 .*\d\sms$/u);
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => chart.getAttribute("aria-valuetext")).not.toBe(newest);
    await page.keyboard.press("End");
    await expect.poll(() => chart.getAttribute("aria-valuetext")).toBe(newest);
  });
});
