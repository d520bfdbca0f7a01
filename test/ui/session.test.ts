/** Signing in and out, as a reader does it. */
import { expect, test } from "vitest";
import { describePages, filled } from "./visit.ts";

describePages("the session", ({ site, open }) => {
  test("a code in the fragment signs in, and leaves the address and the history", async () => {
    site().state.signedIn = false;
    const page = await open(`/#code=${site().state.code}`);
    await filled(page, "/ops");
    expect(new URL(page.url()).pathname).toBe("/ops");
    expect(page.url()).not.toContain("code");
    await page.goBack();
    expect(page.url()).not.toContain("code");
  });

  test("the code is never asked for in an address", async () => {
    site().state.signedIn = false;
    const { code } = site().state;
    const page = await open(`/#code=${code}`);
    await filled(page, "/ops");
    const paths = site().state.requests.map(({ path }) => path);
    expect(paths).toContain("/api/app/session/code");
    expect(paths.filter((path) => path.includes(code))).toEqual([]);
  });

  test("a wrong code is refused in words, and the form stays", async () => {
    site().state.signedIn = false;
    const page = await open("/#code=NOT-A-CODE");
    await page.getByRole("alert").filter({ hasText: "Ce code a déjà servi" }).waitFor();
    expect(page.url()).not.toContain("NOT-A-CODE");
    expect(await page.getByLabel("Mot de passe").isVisible()).toBe(true);
  });

  test("name and password lead to the page that was asked for", async () => {
    site().state.signedIn = false;
    const page = await open("/go?verdict=fail");
    await page.getByLabel("Nom du compte").fill("responsable");
    await page.getByLabel("Mot de passe").fill("faux");
    await page.getByRole("button", { name: "Se connecter" }).click();
    await page.getByRole("alert").filter({ hasText: "incorrect" }).waitFor();
    await page.getByLabel("Mot de passe").fill("un-bon-secret");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === "/go");
    expect(new URL(page.url()).searchParams.get("verdict")).toBe("fail");
  });

  test("signing out ends the session and shows the form", async () => {
    const page = await open("/ops");
    await filled(page, "/ops");
    await page.getByRole("button", { name: /^Menu de/ }).click();
    await page.getByRole("menuitem", { name: "Se déconnecter" }).click();
    await page.getByLabel("Mot de passe").waitFor();
    expect(site().state.signedIn).toBe(false);
    await expect.poll(() => site().streams()).toBe(0);
  });

  test("a session that ends elsewhere brings the form back, then the same page", async () => {
    const page = await open("/go");
    await filled(page, "/go");
    site().state.signedIn = false;
    site().restart("run2");
    await page.getByLabel("Mot de passe").waitFor();
    await page.getByLabel("Nom du compte").fill("responsable");
    await page.getByLabel("Mot de passe").fill("un-bon-secret");
    await page.keyboard.press("Enter");
    await filled(page, "/go");
  });
});
