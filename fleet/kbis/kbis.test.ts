/** KBIS Verification over HTTP, with two registry doubles and a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDb, type TestDb } from "../../test/postgres.ts";
import { openApiFaults, startForTest, type Lab } from "../frame/lab.ts";
import { companyOf } from "../partners/registry/companies.ts";
import { registryOf } from "../partners/registry/registry.routes.ts";
import { luhnDigit } from "./identifiers.ts";
import { kbis } from "./kbis.flow.ts";
import { openRegistry, type Cached } from "./registry.flow.ts";
import { isPoor, kept, look, type Seen } from "../frame/sla.ts";
import { judge, type Company } from "./verdict.ts";

const SEED = 7;
const QUOTA = { perSecond: 1_000, burst: 1_000 };

/** The nth establishment number one of a made-up SIREN. */
const siretAt = (n: number): string => {
  const stem = String(40_000_000 + n);
  const head = `${stem}${luhnDigit(stem)}0001`;
  return head + luhnDigit(head);
};
const findSiret = (wanted: (text: string) => boolean): string => {
  for (let n = 0; n < 5_000; n += 1) {
    const found = companyOf(SEED, siretAt(n));
    if (found !== undefined && wanted(JSON.stringify(found))) return siretAt(n);
  }
  throw new Error("no such company among 5,000");
};
const isSound = (text: string): boolean =>
  text.includes('"procedureCollective":null') && text.includes("45.20A") && !/"[CF]"/.test(text);

describe("with the partners", () => {
  let db: TestDb;
  let main: Lab;
  let alternative: Lab;
  let lab: Lab;
  const sound = findSiret(isSound);
  const today = new Date().toISOString().slice(0, 10);

  beforeAll(async () => {
    db = await testDb();
    main = await startForTest(registryOf("registry", QUOTA, SEED));
    alternative = await startForTest(registryOf("registry-alt", QUOTA, SEED));
    const partners = { registry: main.url, "registry-alt": alternative.url };
    lab = await startForTest(kbis, { databaseUrl: db.connectionString, partners });
  });
  afterAll(async () => {
    for (const one of [lab, alternative, main]) await one.stop();
    await db.close();
  });
  beforeEach(async () => {
    for (const one of [lab, alternative, main]) await one.liftFaults();
    await lab.call("GET", `/kbis/verifications/${sound}`);
    await db.query("DELETE FROM kbis.company");
  });
  const age = (interval: string): Promise<unknown> =>
    db.query("UPDATE kbis.company SET fetched_at = fetched_at - $1::interval", [interval]);
  const standing = () => lab.call("GET", `/kbis/companies/${sound}`);

  test("a sound claim is verified, and the verdict is kept with its age", async () => {
    const director = companyOf(SEED, sound)!.representant.toUpperCase();
    const claim = { siret: sound, ape: "45.20A", director, document: { issuedOn: today } };
    const answer = await lab.call("POST", "/kbis/verifications", claim);
    expect(answer).toMatchObject({
      status: 200,
      body: { verdict: "verified", source: "registry", degraded: false },
    });
    expect(answer.body.checks.map((one: { check: string }) => one.check)).toEqual([
      ...["registry", "state", "establishment", "activity", "director", "document"],
    ]);
    const kept = await lab.call("GET", `/kbis/verifications/${sound}`);
    expect(kept).toMatchObject({ status: 200, body: { verdict: "verified" } });
    expect((await standing()).body).toMatchObject({ source: "cache", degraded: false });
  });

  test("another director refuses, with the reason", async () => {
    const claim = { siret: sound, director: "Gérance Comète Absente" };
    const { body } = await lab.call("POST", "/kbis/verifications", claim);
    expect(body.verdict).toBe("refused");
    expect(body.checks.find((one: { outcome: string }) => one.outcome === "fail")).toEqual({
      ...{ check: "director", outcome: "fail", why: "not the registered name" },
    });
  });

  test.each([
    ["letters", { siret: "7328293200O074" }, "siret", 'character 11 is "O"'],
    ["a wrong check digit", { siret: `${sound.slice(0, 13)}x` }, "siret", "character 14"],
    ["a VAT number", { siret: sound, vat: "FR00" }, "vat", "a French VAT number is FR"],
    ["an APE code", { siret: sound, ape: "garage" }, "ape", "four digits and a letter"],
    [
      "a day",
      { siret: sound, document: { issuedOn: "2026-02-30" } },
      "document.issuedOn",
      "no day",
    ],
    ["a field too many", { siret: sound, more: 1 }, "body", "more"],
    ["a long name", { siret: sound, director: "x".repeat(201) }, "director", "200"],
  ])("%s: 400 names the place", async (_, claim, field, message) => {
    const answer = await lab.call("POST", "/kbis/verifications", claim);
    expect(answer).toMatchObject({ status: 400, body: { error: { field } } });
    expect(answer.body.error.message).toContain(message);
  });

  test("the first fails: the alternative answers", async () => {
    await main.fault({ kind: "errors" });
    expect((await standing()).body).toMatchObject({
      ...{ verdict: "verified", source: "registry-alt", degraded: true },
    });
  });

  test("the first is slow: the alternative answers before it", async () => {
    await main.fault({ kind: "slow", delayMs: 10_000 });
    const { body } = await standing();
    expect(body).toMatchObject({ verdict: "verified", source: "registry-alt" });
  });

  test("both are away: the cache answers with its age, and control: without it nothing", async () => {
    await standing();
    await age("2 hours");
    await lab.fault({ kind: "partner-down" });
    const { body } = await standing();
    expect(body).toMatchObject({ verdict: "verified", source: "cache", degraded: true });
    expect(body.ageMs).toBeGreaterThanOrEqual(7_200_000);
    await age("7 days");
    expect((await standing()).body).toMatchObject({
      ...{ verdict: "pending", source: "none", company: null, degraded: true },
    });
  });

  test("two instances share the cache", async () => {
    await standing();
    await lab.fault({ kind: "partner-down" });
    const other = await startForTest(kbis, { databaseUrl: db.connectionString });
    const answer = await other.call("GET", `/kbis/companies/${sound}`);
    await other.stop();
    expect(answer.body).toMatchObject({ verdict: "verified", source: "cache", degraded: false });
  });

  test("a database that is away costs the cache, not the answer", async () => {
    const cut = await startForTest(kbis, {
      databaseUrl: "postgres://nobody@127.0.0.1:9/none",
      partners: { registry: main.url, "registry-alt": alternative.url },
    });
    const answer = await cut.call("GET", `/kbis/companies/${sound}`);
    const ready = await cut.call("GET", "/readyz");
    await cut.stop();
    expect(answer.body).toMatchObject({ verdict: "verified", source: "registry" });
    expect(ready.status).toBe(503);
  });

  test("the partners' promise is measured", async () => {
    await standing();
    const { body } = await lab.call("GET", "/kbis/partners");
    expect(body.items[0].partner).toBe("registry");
    expect(body.items[0].calls).toBeGreaterThan(0);
    expect(body.items[0].p95Ms).toBeGreaterThan(0);
  });

  test("OpenAPI is whole", async () => {
    for (const one of [lab, main])
      expect(openApiFaults((await one.call("GET", "/openapi.json")).body)).toEqual([]);
  });
});

describe("the registry double", () => {
  test("over its quota it answers 429 with Retry-After", async () => {
    const registry = await startForTest(
      registryOf("registry", { perSecond: 0.01, burst: 2 }, SEED),
    );
    const path = `/registry/siret/${siretAt(1)}`;
    const statuses: number[] = [];
    for (let n = 0; n < 2; n += 1) statuses.push((await registry.call("GET", path)).status);
    const over = await registry.call("GET", path);
    const malformed = await registry.call("GET", "/registry/siret/12A");
    await registry.stop();
    expect(statuses).not.toContain(429);
    expect(over.status).toBe(429);
    expect(Number(over.headers.get("retry-after"))).toBeGreaterThan(50);
    expect(malformed).toMatchObject({ status: 400, body: { error: { field: "siret" } } });
  });

  test("one seed gives one answer, and the mix is as said", () => {
    const all = Array.from({ length: 4_000 }, (_, n) => companyOf(SEED, siretAt(n)));
    const share = (is: (text: string) => boolean): number =>
      all.filter((one) => one !== undefined && is(JSON.stringify(one))).length / all.length;
    expect(companyOf(SEED, siretAt(9))).toEqual(all[9]);
    expect(companyOf(SEED + 1, siretAt(9))).not.toEqual(all[9]);
    expect(1 - share(() => true)).toBeLessThan(0.03);
    expect(share((text) => text.includes('Legale":"C"'))).toBeCloseTo(0.04, 1);
    expect(share((text) => text.includes("liquidation"))).toBeGreaterThan(0);
    expect(share(isSound)).toBeGreaterThan(0.3);
  });
});

const COMPANY: Company = {
  ...{ siret: siretAt(1), name: "GARAGE PHARE BLEU", state: "active", isOpen: true },
  ...{ ape: "4520A", director: "Gérance phare bleu", commune: "75056" },
};
const CLAIM = { siret: siretAt(1), siren: siretAt(1).slice(0, 9) };

test.each([
  ["an active garage", CLAIM, COMPANY, "verified"],
  ["ceased", CLAIM, { ...COMPANY, state: "ceased" }, "refused"],
  ["in liquidation", CLAIM, { ...COMPANY, state: "liquidation" }, "refused"],
  ["in receivership", CLAIM, { ...COMPANY, state: "receivership" }, "pending"],
  ["safeguarded", CLAIM, { ...COMPANY, state: "safeguard" }, "pending"],
  ["closed", CLAIM, { ...COMPANY, isOpen: false }, "refused"],
  ["a bakery", CLAIM, { ...COMPANY, ape: "1071C" }, "pending"],
  ["another activity than claimed", { ...CLAIM, ape: "4511Z" }, COMPANY, "refused"],
  ["a VAT number of another company", { ...CLAIM, vatSiren: "356000000" }, COMPANY, "refused"],
  [
    "a director nobody registered",
    { ...CLAIM, director: "X" },
    { ...COMPANY, director: null },
    "pending",
  ],
  ["a close name", { ...CLAIM, director: "Gérance fare bleu" }, COMPANY, "refused"],
  ["a name one letter off", { ...CLAIM, director: "Gérance phares bleu" }, COMPANY, "pending"],
  ["nobody to ask", CLAIM, undefined, "pending"],
  ["unknown to the registry", CLAIM, null, "refused"],
] as const)("%s is %s", (_, claim, company, verdict) => {
  expect(judge(claim, company).verdict).toBe(verdict);
});

test("the promise: a window of five minutes, unknown while it is empty", () => {
  const seen = (at: number, isGood: boolean): Seen => ({ at, tookMs: at, isGood });
  const all = Array.from({ length: 10 }, (_, n) => seen(n + 1, n % 2 === 0));
  const window = all.reduce<readonly Seen[]>(look, []);
  expect(kept(window, 10)).toEqual({ calls: 10, availability: 0.5, p50Ms: 5, p95Ms: 9 });
  expect(kept(window, 400_000)).toEqual({ calls: 0, availability: null, p50Ms: null, p95Ms: null });
  expect(look(window, seen(300_005, true))).toHaveLength(6);
  expect(isPoor({ calls: 4, availability: 0, p50Ms: null, p95Ms: null })).toBe(false);
  expect(isPoor({ calls: 5, availability: 0.4, p50Ms: null, p95Ms: null })).toBe(true);
  expect(isPoor({ calls: 0, availability: null, p50Ms: null, p95Ms: null })).toBe(false);
});

test("a first that hangs is overtaken; control: without the wait it is waited for", async () => {
  const found = { status: 200, body: companyOf(SEED, findSiret(isSound)) };
  const run = async (isSlow: boolean): Promise<string> => {
    const first = Promise.withResolvers<void>();
    const never = new Promise<void>(() => undefined);
    const kept = new Map<string, Cached>();
    const registry = openRegistry({
      call: async ({ to }) => {
        if ("partner" in to && to.partner === "registry") await first.promise;
        return { ok: true, value: found };
      },
      cache: {
        get: async (siret) => kept.get(siret),
        put: async (siret, one) => void kept.set(siret, one),
      },
      ...{ now: () => 0, monotonic: () => 0, onCacheFault: () => undefined },
      onAnswer: () => undefined,
      after: () => ({ passed: isSlow ? Promise.resolve() : never, cancel: () => undefined }),
    });
    const known = registry.known(siretAt(1));
    if (!isSlow) first.resolve();
    return (await known).source;
  };
  expect([await run(true), await run(false)]).toEqual(["registry-alt", "registry"]);
});

test("a first that mostly failed is asked second", async () => {
  const asked: string[] = [];
  const registry = openRegistry({
    call: async ({ to }) => {
      const name = "partner" in to ? to.partner : "";
      asked.push(name);
      return { ok: true, value: { status: name === "registry" ? 503 : 200, body: null } };
    },
    cache: { get: async () => undefined, put: async () => undefined },
    ...{ now: () => 0, monotonic: () => 0, onCacheFault: () => undefined },
    onAnswer: () => undefined,
    after: () => ({ passed: new Promise(() => undefined), cancel: () => undefined }),
  });
  await registry.known(siretAt(1));
  for (let n = 0; n < 5; n += 1) await registry.probe();
  const before = asked.length;
  await registry.known(siretAt(1));
  expect([asked[0], asked[before]]).toEqual(["registry", "registry-alt"]);
});
