/** What is done about trouble: the overview's actions, decisions, a service's page, faults. */
import { expect, test } from "vitest";
import { NOON, principal } from "./fixtures/board.ts";
import { actions, faultInForce, rehearse } from "./fixtures/respond.ts";
import { describePages, filled } from "./visit.ts";

const N = "\u00A0";

describePages("corrective actions", ({ open, site }) => {
  test("an alert says its action, how far it is and when it should help", async () => {
    rehearse(site().state);
    const page = await open("/ops");
    const alert = page.locator("[data-alert=ALT-12] .alert-note");
    await expect
      .poll(() => alert.innerText())
      .toBe(
        `ALT-12 ↳ Auto-scaling 2 → 4 instances, lancement il${N}y${N}a${N}2${N}min, retour attendu à 13:06`,
      );
    const other = await page.locator("[data-alert=ALT-9] .alert-note").innerText();
    expect(other).toBe(
      `ALT-9 · Équipe plateforme · action retenue${N}: Encore 48${N}s de repos après ACT-14` +
        " · Se rapproche de l’objectif",
    );
  });

  test("scaling of the last hour is counted by its direction, with a sign", async () => {
    rehearse(site().state);
    const page = await open("/ops");
    const rows = page.locator("[data-panel=scaling] .scaling-row");
    await expect.poll(() => rows.count()).toBe(3);
    expect(await rows.first().locator("[data-shape=triangle]").count()).toBe(1);
    expect(await rows.last().locator("[data-shape=down]").count()).toBe(1);
    const counts = page.getByRole("list", { name: "Changements d’échelle depuis une heure" });
    expect(await counts.innerText()).toMatch(/2[^]*1/);
  });

  test("what is not connected has no panel, no tab and no mark", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await expect
      .poll(() => site().state.requests.filter(({ path }) => path === "/api/app/faults").length)
      .toBe(1);
    const tabs = await page.locator(".page-tab").allInnerTexts();
    expect(tabs).toEqual(["Vue d’ensemble", "Infrastructure", "Application"]);
    expect(await page.locator("[data-panel=scaling], .rehearsal-mark").count()).toBe(0);
  });

  test("open actions stand first, and a frame of the stream changes them", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=actions");
    const first = page.locator("[data-action]").first();
    await expect.poll(() => first.getAttribute("data-action")).toBe("ACT-15");
    await expect.poll(() => site().streams()).toBe(1);
    const next = actions();
    Object.assign(next.items[0]!, { state: "running", canApprove: false });
    site().publish("actions", next);
    await expect.poll(() => first.locator(".mark").innerText()).toBe("En cours");
  });

  test("a rejection is sent with its reason, and not without", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=actions");
    await page.getByRole("button", { name: "Rejeter ACT-15" }).press("Enter");
    await page.getByLabel("Motif", { exact: true }).fill("no");
    const send = page.getByRole("button", { name: "Rejeter", exact: true });
    await send.click();
    await page.getByText("Écrivez un motif d’au moins 3 caractères.").waitFor();
    expect(site().state.commands).toEqual([]);
    await page.getByLabel("Motif", { exact: true }).fill("La région répond de nouveau");
    await send.click();
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
    expect(site().state.commands).toEqual([
      {
        call: "POST /api/app/actions/ACT-15/reject",
        body: { reason: "La région répond de nouveau" },
      },
    ]);
  });

  test("who may not decide is told which role may", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=actions");
    const approve = page.getByRole("button", { name: "Approuver ACT-15" });
    await approve.waitFor();
    expect(await approve.isDisabled()).toBe(true);
    await page.getByText("Approuver demande le rôle Approbation.").waitFor();
    site().state.principal = { ...principal, role: "approver" };
    await page.reload();
    await expect.poll(() => approve.isDisabled()).toBe(false);
  });

  test("everything automatic is switched off with a reason", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=actions");
    await page.getByRole("button", { name: "Tout arrêter" }).click();
    await page.getByLabel("Motif", { exact: true }).fill("Intervention du réseau");
    await page.getByRole("dialog").getByRole("button", { name: "Tout arrêter" }).click();
    await expect
      .poll(() => site().state.commands)
      .toEqual([
        {
          call: "PUT /api/app/actions/switch",
          body: { isOn: false, reason: "Intervention du réseau" },
        },
      ]);
  });
});

describePages("a service's page", ({ open, site }) => {
  test("is reached from the overview, with its instances, neighbours and actions", async () => {
    rehearse(site().state);
    const edge = { client: "scheduling", server: "kbis", rate: 12, errors: 0.02 };
    site().state.application.edges.push(edge);
    const page = await open("/ops");
    await page
      .locator("[data-panel=services]")
      .getByRole("link", { name: "Prise de rendez-vous" })
      .click();
    await page.getByRole("heading", { level: 1, name: "Prise de rendez-vous" }).waitFor();
    const rows = page.locator("[data-panel=instances] tbody tr");
    await expect.poll(() => rows.count()).toBe(4);
    expect(await rows.first().innerText()).toContain("Démarrage");
    expect(await page.locator("[data-panel=neighbours]").innerText()).toContain(`2${N}% d’erreurs`);
    const own = page.locator("[data-panel=service-actions] [data-action]");
    await expect.poll(() => own.count()).toBe(1);
    expect(await page.title()).toBe("Prise de rendez-vous · Exploitation · NovaEvo");
  });

  test("that no plan has is said so", async () => {
    const page = await open("/ops/inconnu");
    await page.getByText("Le plan n’a pas de service").waitFor();
  });
});

describePages("the rehearsal", ({ open, site }) => {
  test("every page says it is one, and how much is broken", async () => {
    rehearse(site().state);
    const page = await open("/go");
    const mark = page.locator(".rehearsal-mark");
    await expect.poll(() => mark.innerText()).toMatch(/Répétition\s+2 pannes/);
  });

  test("a fault is asked for with its service, region, share and duration", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=rehearsal");
    await page.getByText("Vérification KBIS", { exact: true }).click();
    await page.getByText("Lyon", { exact: true }).click();
    await page.getByText(`50${N}%`, { exact: true }).click();
    await page.getByText(`30${N}s`, { exact: true }).click();
    await page.getByRole("button", { name: /^Coupure réseau/ }).click();
    const fault = { kind: "partition", service: "kbis", region: "lyon" };
    await expect
      .poll(() => site().state.commands)
      .toEqual([{ call: "POST /api/app/faults", body: { ...fault, share: 0.5, forMs: 30_000 } }]);
  });

  test("a region is lost as a whole, once one is chosen", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=rehearsal");
    const loss = page.getByRole("button", { name: /^Perte de région/ });
    await loss.waitFor();
    expect(await loss.isDisabled()).toBe(true);
    await page.getByText("Paris", { exact: true }).first().click();
    await loss.click();
    await expect
      .poll(() => site().state.commands.map(({ body }) => body))
      .toEqual([{ kind: "region-loss", service: "*", region: "paris", share: 1, forMs: 120_000 }]);
  });

  test("faults count down; one is lifted, all are stopped", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=rehearsal", { clockAt: NOON });
    const row = page.locator("[data-fault=FLT-1]");
    await expect.poll(() => row.innerText()).toContain(`encore 1${N}min 30${N}s`);
    await page.clock.runFor(31_000);
    await expect.poll(() => row.innerText()).toContain(`encore 59${N}s`);
    await row.getByRole("button").click();
    await page.getByRole("button", { name: "Tout arrêter" }).click();
    await expect
      .poll(() => site().state.commands.map(({ call }) => call))
      .toEqual(["DELETE /api/app/faults/FLT-1", "DELETE /api/app/faults"]);
    site().state.faults.items = [faultInForce(3)];
    await page.clock.runFor(3_000);
    await expect.poll(() => page.locator("[data-fault]").count()).toBe(1);
  });

  test("a viewer sees all of it and can break nothing", async () => {
    rehearse(site().state);
    site().state.principal = { ...principal, role: "viewer" };
    const page = await open("/ops?tab=rehearsal");
    await page.getByText("La répétition se commande avec le rôle Exploitation.").first().waitFor();
    for (const name of [/^Arrêt brutal/, "Tout arrêter", /^Lancer/]) {
      expect(await page.getByRole("button", { name }).first().isDisabled()).toBe(true);
    }
  });

  test("users do as much as the slider says", async () => {
    rehearse(site().state);
    const page = await open("/ops?tab=rehearsal");
    await page.getByRole("slider", { name: "Part de la charge nominale" }).fill("1.5");
    await page.getByText("Heure de pointe", { exact: true }).click();
    await page.getByRole("button", { name: "Appliquer" }).click();
    await expect
      .poll(() => site().state.commands)
      .toEqual([{ call: "PUT /api/app/load", body: { share: 1.5, shape: "peak" } }]);
  });
});
