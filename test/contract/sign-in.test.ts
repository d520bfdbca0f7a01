/** Signing in over HTTP: codes, cookies, sessions that end, and who is slowed down. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openLab, sessionOf, type Lab } from "./lab.ts";

const HOUR_MS = 3_600_000;
/** Longer than a remembered caller is remembered. */
const FORGET_MS = 3_000;

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());
beforeEach(() => lab.pass(HOUR_MS));

const signIn = (code: string, headers: Readonly<Record<string, string>> = {}, at = lab) =>
  at.server.inject({ method: "POST", url: "/api/app/session/code", payload: { code }, headers });
const whoAmI = async (cookie: string, at = lab): Promise<number> =>
  (await at.server.inject({ url: "/api/app/session", headers: { cookie } })).statusCode;

describe("a sign-in code", () => {
  test("is issued to an admin, opens one session, and is then over", async () => {
    const issued = await lab.server.inject({
      method: "POST",
      url: "/api/app/session/codes",
      headers: lab.authorization("admin"),
    });
    const { code, expiresAt } = issued.json<{ code: string; expiresAt: string }>();
    const left = Date.parse(expiresAt) - Date.now();
    expect(left).toBeGreaterThan(9 * 60_000);
    expect(left).toBeLessThan(11 * 60_000);
    const first = await signIn(code);
    expect(first.json()).toMatchObject({ role: "admin", via: "session" });
    const second = await signIn(code);
    expect(second.statusCode).toBe(401);
    expect(second.cookies).toEqual([]);
  });

  test("is in no row, no log and no ledger entry; that it was issued is, and by whom", async () => {
    const { code } = (
      await lab.server.inject({
        method: "POST",
        url: "/api/app/session/codes",
        headers: lab.authorization("admin"),
      })
    ).json<{ code: string }>();
    const rows = await lab.db.query("SELECT * FROM sign_in_code");
    const entries = await lab.db.query(
      "SELECT * FROM ledger_entry WHERE kind = 'session.code_issued'",
    );
    expect(JSON.stringify([rows, entries, lab.logged])).not.toContain(code);
    expect(entries.at(-1)?.["actor"]).toMatch(/^token:/);
  });

  test("is over when its time is", async () => {
    const { code } = await lab.accounts.issueSignInCode();
    await lab.db.query("UPDATE sign_in_code SET expires_at = now()");
    expect((await signIn(code)).statusCode).toBe(401);
    const { code: other } = await lab.accounts.issueSignInCode();
    expect((await signIn(other)).statusCode).toBe(200); // Control.
  });

  test("cannot be guessed at speed: the 21st guess waits, and so does the right code", async () => {
    const statuses: number[] = [];
    for (let guess = 0; guess < 21; guess += 1) {
      statuses.push((await signIn(`guess-${guess}`)).statusCode);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
    const { code } = await lab.accounts.issueSignInCode();
    const waiting = await signIn(code);
    expect(waiting.statusCode).toBe(429);
    expect(Number(waiting.headers["retry-after"])).toBeGreaterThan(0);
    lab.pass(HOUR_MS);
    expect((await signIn(code)).statusCode).toBe(200);
  });
});

describe("behind a proxy", () => {
  const guess = (at: Lab, forwarded: string) =>
    signIn("not-a-code", { "x-forwarded-for": forwarded }, at);

  test("each caller is slowed down by himself, whatever he says came before him", async () => {
    const proxied = await openLab({ trustProxy: true });
    try {
      for (let n = 0; n < 20; n += 1) await guess(proxied, `203.0.113.${n}, 198.51.100.1`);
      expect((await guess(proxied, "203.0.113.99, 198.51.100.1")).statusCode).toBe(429);
      expect((await guess(proxied, "198.51.100.2")).statusCode).toBe(401);
    } finally {
      await proxied.close();
    }
  });

  test("without one, the header is anybody's word and counts for nothing (control)", async () => {
    for (let n = 0; n < 20; n += 1) await guess(lab, `198.51.100.${n}`);
    expect((await guess(lab, "198.51.100.200")).statusCode).toBe(429);
  });
});

describe("a session's cookie", () => {
  const flagsOf = async (at: Lab) => {
    const { code } = await at.accounts.issueSignInCode();
    const answer = await signIn(code, {}, at);
    const header = answer.headers["set-cookie"];
    return String(header).split("; ");
  };

  test("is HttpOnly, SameSite=Strict and for the whole host, on plain HTTP", async () => {
    const [pair = "", ...flags] = await flagsOf(lab);
    expect(pair).toMatch(/^novaevo-session-4600=[\w-]{43}$/);
    expect(flags.toSorted()).toEqual(["HttpOnly", "Max-Age=604800", "Path=/", "SameSite=Strict"]);
  });

  test("is Secure and __Host- behind TLS", async () => {
    const tls = await openLab({ tls: true });
    try {
      const [pair = "", ...flags] = await flagsOf(tls);
      expect(pair).toMatch(/^__Host-novaevo=/);
      expect(flags).toContain("Secure");
      expect(flags.some((flag) => flag.startsWith("Domain"))).toBe(false);
    } finally {
      await tls.close();
    }
  });

  test("of one installation is not that of another on the same host", async () => {
    const cookie = await sessionOf(lab);
    const other = await openLab({ port: 4601 });
    try {
      expect(await whoAmI(cookie, other)).toBe(401);
    } finally {
      await other.close();
    }
    expect(await whoAmI(cookie)).toBe(200);
  });
});

describe("a session", () => {
  test("is over at sign-out, and the browser is told to forget it", async () => {
    const cookie = await sessionOf(lab);
    expect(await whoAmI(cookie)).toBe(200);
    const answer = await lab.server.inject({
      method: "DELETE",
      url: "/api/app/session",
      headers: { cookie },
    });
    expect(answer.cookies[0]).toMatchObject({ name: lab.cookieName, value: "" });
    expect(answer.cookies[0]?.expires?.getTime()).toBe(0);
    expect(await whoAmI(cookie)).toBe(401);
  });

  test.each([
    ["half a day without use", "last_used_at = now() - interval '12 hours 1 second'"],
    ["a week", "expires_at = now()"],
  ])("is over after %s", async (_, change) => {
    const cookie = await sessionOf(lab);
    expect(await whoAmI(cookie)).toBe(200);
    await lab.db.query(`UPDATE session SET ${change}`);
    lab.pass(FORGET_MS);
    expect(await whoAmI(cookie)).toBe(401);
  });

  test("that is opened anew ends the one the browser had", async () => {
    const before = await sessionOf(lab);
    const { code } = await lab.accounts.issueSignInCode();
    const answer = await signIn(code, { cookie: before });
    expect(answer.statusCode).toBe(200);
    expect(await whoAmI(before)).toBe(401);
  });

  test("is nothing without its secret", async () => {
    const [name] = (await sessionOf(lab)).split("=");
    for (const secret of ["", "x", "x".repeat(43), "x".repeat(9_000)]) {
      expect(await whoAmI(`${name}=${secret}`)).toBe(401);
    }
  });
});

describe("an API token", () => {
  const create = async (body: object) => {
    const answer = await lab.server.inject({
      method: "POST",
      url: "/api/app/tokens",
      payload: body,
      headers: lab.authorization("admin"),
    });
    return answer.json<{ id: string; secret: string; role: string; expiresAt: string | null }>();
  };
  const use = async (secret: string, url = "/api/app/kpis"): Promise<number> =>
    (await lab.server.inject({ url, headers: { authorization: `Bearer ${secret}` } })).statusCode;

  test("is shown once, kept as a hash, and listed without its secret", async () => {
    const { secret } = await create({ name: "grafana", role: "viewer" });
    expect(await use(secret)).toBe(200);
    const rows = await lab.db.query("SELECT * FROM api_token");
    const list = await lab.server.inject({
      url: "/api/app/tokens",
      headers: lab.authorization("admin"),
    });
    const names = list.json<{ items: { name: string }[] }>().items.map(({ name }) => name);
    expect(names).toContain("grafana");
    expect(JSON.stringify([rows, list.json(), lab.logged])).not.toContain(secret);
  });

  test("may what its role may, and nothing else", async () => {
    const { secret } = await create({ name: "agent", role: "ingest" });
    expect(await use(secret)).toBe(403);
    expect(await use(secret, "/api/app/tokens")).toBe(403);
  });

  test("ends on its day, and at once when it is revoked", async () => {
    const short = await create({ name: "short", role: "viewer", expiresInDays: 1 });
    const days = (Date.parse(short.expiresAt ?? "") - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(0.99);
    expect(days).toBeLessThan(1.01);
    expect(await use(short.secret)).toBe(200);
    await lab.db.query("UPDATE api_token SET expires_at = now() WHERE id = $1", [short.id]);
    lab.pass(FORGET_MS);
    expect(await use(short.secret)).toBe(401);

    const revoked = await create({ name: "revoked", role: "viewer" });
    expect(await use(revoked.secret)).toBe(200);
    await lab.server.inject({
      method: "DELETE",
      url: `/api/app/tokens/${revoked.id}`,
      headers: lab.authorization("admin"),
    });
    expect(await use(revoked.secret)).toBe(401);
  });

  test("is not taken from the address or a cookie", async () => {
    const { secret } = await create({ name: "careless", role: "viewer" });
    const asked = await lab.server.inject({ url: `/api/app/session?token=${secret}` });
    expect(asked.statusCode).toBe(401);
    expect(await whoAmI(`${lab.cookieName}=${secret}`)).toBe(401);
  });
});
