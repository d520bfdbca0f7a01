/** Waiting room, queue, tokens, headers, spans, last good answers: what comes from outside. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeTraces } from "../../watch/intake/otlp/traces.ts";
import { mayKeep, newLastGood } from "./fallback.ts";
import { answerHeaders, isRefused, readHeaders, traceOf } from "./headers.ts";
import { newTierQueue } from "./queue.ts";
import { newRouting } from "./routing.ts";
import { newSessionTokens, type TokenDeps } from "./session-token.ts";
import { newSpanBatch } from "./span-batch.ts";
import type { Tier } from "./turns.ts";
import { languageOf, waitingPage, waitText } from "./waiting-page.ts";
import { newWaitingRoom, readTicket, writeTicket, type Arrival } from "./waiting-room.ts";

const sign: TokenDeps & { readonly encode: (text: string) => string } = {
  sign: (text) => createHmac("sha256", "key").update(text).digest("base64url"),
  isSame: (a, b) => a === b,
  encode: (text) => Buffer.from(text).toString("base64url"),
  decode: (text) => Buffer.from(text, "base64url").toString(),
};

describe("the waiting room", () => {
  const positionOf = (arrival: Arrival) => (arrival.is === "waiting" ? arrival.position : 0);
  const full = (share = 0.75) => {
    const room = newWaitingRoom(() => share);
    room.set({ maxActive: 1, perMinute: null }, 0);
    room.arrive("in", "standard", undefined, 0);
    return room;
  };

  test("who comes first is first, whoever asks more often", () => {
    const room = full();
    for (const key of ["a", "b", "c"]) room.arrive(key, "standard", undefined, 1);
    for (let asks = 0; asks < 9; asks += 1) room.arrive("c", "standard", undefined, 2);
    expect(positionOf(room.arrive("c", "standard", undefined, 3))).toBe(3);
    room.arrive("a", "standard", undefined, 60_000);
    expect(room.arrive("a", "standard", undefined, 60_001)).toEqual({ is: "in" });
  });

  test("a place is kept over a reconnect, an absence, and the loss of the room", () => {
    const room = full();
    const first = room.arrive("a", "standard", undefined, 1);
    const ticket = first.is === "waiting" ? first.ticket : undefined;
    room.arrive("b", "standard", undefined, 2);
    room.turn(150_000);
    expect(room.waiting()).toBe(0);
    const after = newWaitingRoom(() => 0.75);
    after.set({ maxActive: 1, perMinute: null }, 200_000);
    after.arrive("in", "standard", undefined, 200_000);
    after.arrive("late", "standard", undefined, 200_000);
    expect(positionOf(after.arrive("a", "standard", ticket!.place, 200_001))).toBe(1);
    expect(positionOf(after.arrive("late", "standard", undefined, 200_001))).toBe(2);
    // Control: without the ticket it is behind.
    expect(positionOf(after.arrive("b", "standard", undefined, 200_001))).toBe(3);
  });

  test("a place of the future is worth no more than a new one", () => {
    const room = full();
    room.arrive("a", "standard", undefined, 10);
    expect(positionOf(room.arrive("b", "standard", 1e15, 10))).toBe(2);
  });

  test("who is in stays in while it comes again, and an order to shut throws nobody out", () => {
    const room = newWaitingRoom(() => 0.75);
    for (const key of ["a", "b", "c"]) room.arrive(key, "standard", undefined, 0);
    room.set({ maxActive: 1, perMinute: null }, 1);
    expect(room.arrive("b", "standard", undefined, 50_000)).toEqual({ is: "in" });
    room.turn(61_000);
    expect(room.active()).toBe(1);
    expect(room.arrive("a", "standard", undefined, 61_000).is).toBe("waiting");
  });

  test("a minute lets in as many as was ordered, and says what to expect", () => {
    const room = newWaitingRoom(() => 0.75);
    room.set({ maxActive: 1_000, perMinute: 60 }, 0);
    for (let nth = 0; nth < 100; nth += 1) room.arrive(`u${nth}`, "standard", undefined, 0);
    for (let now = 100; now <= 30_000; now += 100) room.turn(now);
    expect(room.active()).toBe(31);
    const last = room.arrive("u99", "standard", undefined, 30_000);
    expect(last).toMatchObject({ position: 69 });
    expect(last.is === "waiting" && last.expectedWaitMs).toBeGreaterThan(60_000);
    expect(last.is === "waiting" && last.expectedWaitMs).toBeLessThan(80_000);
  });

  test("is bounded: full is said, and who waits loses nothing", () => {
    const room = newWaitingRoom(() => 0.75, {
      ...{ maxWaiting: 2, maxTracked: 10, idleMs: 60_000, goneMs: 120_000 },
    });
    room.set({ maxActive: 1, perMinute: null }, 0);
    const all = ["in", "a", "b", "c"].map((key) => room.arrive(key, "standard", undefined, 0).is);
    expect(all).toEqual(["in", "waiting", "waiting", "full"]);
  });

  test("law: within a tier nobody overtakes, and standard has its part of the turns", () => {
    const arrivals = fc.array(fc.constantFrom<Tier>("premium", "standard"), { maxLength: 80 });
    fc.assert(
      fc.property(arrivals, fc.double({ min: 0, max: 0.9, noNaN: true }), (tiers, share) => {
        const room = full(share);
        tiers.forEach((tier, nth) => room.arrive(`${tier}-${nth}`, tier, undefined, 1));
        const let_in: string[] = [];
        for (let size = 2; size <= tiers.length + 1; size += 1) {
          room.set({ maxActive: size, perMinute: null }, 2);
          const found = tiers
            .map((tier, nth) => `${tier}-${nth}`)
            .filter((key) => !let_in.includes(key));
          for (const key of found) {
            const tier = key.split("-")[0] as Tier;
            if (room.arrive(key, tier, undefined, 2).is === "in") let_in.push(key);
          }
        }
        const of = (tier: Tier) => let_in.filter((key) => key.startsWith(tier));
        for (const tier of ["premium", "standard"] as const)
          expect(of(tier)).toEqual(
            tiers.flatMap((t, nth) => (t === tier ? [`${tier}-${nth}`] : [])),
          );
        expect(let_in.length).toBe(tiers.length);
      }),
    );
  });

  test("a ticket is only what was signed", () => {
    const ticket = { key: "u-1", tier: "premium", place: 12.5 } as const;
    const text = writeTicket(sign, ticket);
    expect(readTicket(sign, text)).toEqual(ticket);
    for (const bad of ["", "w1.", `${text}x`, text.replace("w1", "v1"), "x".repeat(600)])
      expect(readTicket(sign, bad)).toBeUndefined();
  });
});

describe("the page", () => {
  const facts = {
    nonce: "n",
    statusPath: "/s",
    position: 1_234,
    expectedWaitMs: 90_000,
    pollMs: 5_000,
  };
  test("is in the language asked for, with its typography", () => {
    const [fr, en] = (["fr", "en"] as const).map((language) => waitingPage({ ...facts, language }));
    expect(fr).toContain('<html lang="fr">');
    expect(fr).toContain("1\u202f234");
    expect(fr).toContain("environ 2\u00a0minutes");
    expect(en).toContain("1,234");
    // No straight apostrophe, no plain space before a high sign in what French readers see.
    const shown = fr!.replaceAll(/<(style|script)[\s\S]*?<\/\1>/g, "").replaceAll(/<[^>]*>/g, "");
    expect(shown).not.toMatch(/'| [;!?:»]|« /);
    for (const page of [fr, en]) expect(page).toContain('aria-live="polite"');
  });

  test.each([
    ["", "fr"],
    ["de-DE,de;q=0.9", "fr"],
    ["en-GB,en;q=0.9,fr;q=0.8", "en"],
    ["en;q=0.2, fr-CA;q=0.7", "fr"],
    ["en;q=0", "fr"],
  ] as const)("for %j it is %s", (asked, language) => {
    expect(languageOf(asked)).toBe(language);
  });

  test("unknown is said, not guessed", () => {
    expect(waitText("en", null)).toBe("not known yet");
    expect(waitText("fr", 10_000)).toBe("moins d’une minute");
  });
});

describe("the tier queue", () => {
  type Act = { readonly rank: number; readonly tier: Tier; readonly act: number };
  const act: fc.Arbitrary<Act> = fc.record({
    rank: fc.nat(3),
    tier: fc.constantFrom<Tier>("premium", "standard"),
    act: fc.nat(9),
  });
  test("law: bounded, and every call leaves exactly once", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const left: number[] = [];
        const queue = newTierQueue<number>(
          { capacity: () => 5, deadlineMs: 100, premiumShare: () => 0.5 },
          (call) => left.push(call),
        );
        const here = new Map<number, NonNullable<ReturnType<typeof queue.push>>>();
        let now = 0;
        acts.forEach(({ rank, tier, act: what }, nth) => {
          now += what * 5;
          if (what < 6) {
            const waiting = queue.push(nth, { rank, tier }, now);
            if (waiting === undefined) left.push(nth);
            else here.set(nth, waiting);
          } else if (what < 8) {
            const next = queue.pop(now);
            if (next !== undefined) left.push(next.call);
          } else {
            const one = [...here.values()].find(({ isGone }) => !isGone);
            if (one !== undefined) {
              queue.remove(one);
              left.push(one.call);
            }
          }
          expect(queue.size()).toBeLessThanOrEqual(5);
        });
        queue.expire(now + 101);
        expect(queue.size()).toBe(0);
        const pushed = acts.flatMap(({ act: what }, nth) => (what < 6 ? [nth] : []));
        expect(left.toSorted((a, b) => a - b)).toEqual(pushed);
      }),
    );
  });

  test("what matters more takes the newest place of what matters least", () => {
    const out: string[] = [];
    const queue = newTierQueue<string>(
      { capacity: () => 3, deadlineMs: 100, premiumShare: () => 0.5 },
      (call, why) => out.push(`${call} ${why}`),
    );
    const standard = { rank: 2, tier: "standard" } as const;
    queue.push("s1", standard, 0);
    queue.push("o1", { rank: 3, tier: "premium" }, 0);
    queue.push("s2", standard, 0);
    expect(queue.push("o2", { rank: 3, tier: "premium" }, 0)).toBeUndefined();
    queue.push("c1", { rank: 0, tier: "standard" }, 0);
    queue.push("p1", { rank: 2, tier: "premium" }, 0);
    expect(out).toEqual(["o1 evicted", "s2 evicted"]);
    expect([queue.pop(0), queue.pop(0), queue.pop(0)].map((one) => one?.call)).toEqual([
      ...["c1", "s1", "p1"],
    ]);
  });
});

describe("headers", () => {
  const read = (...raw: string[]) => readHeaders(["host", "a", ...raw], 1_000);
  test("what belongs to one connection, and what is ours to say, does not go on", () => {
    const said = read(
      ...["connection", "close, x-secret", "x-secret", "s", "x-user", "admin", "te", "trailers"],
      ...["accept", "text/html", "x-fault-token", "t", "x-b", "1", "x-b", "2"],
    );
    expect(isRefused(said) ? [] : said.onward).toEqual([
      ...["accept", "text/html", "x-b", "1", "x-b", "2"],
    ]);
    expect(answerHeaders(["a", "1", "connection", "b", "b", "2", "keep-alive", "x"])).toEqual([
      "a",
      "1",
    ]);
  });

  test.each([
    [["content-length", "3", "content-length", "3"], 400],
    [["content-length", "3", "transfer-encoding", "chunked"], 400],
    [["content-length", "0x3"], 400],
    [["transfer-encoding", "chunked", "transfer-encoding", "chunked"], 400],
    [["transfer-encoding", "identity"], 501],
    [["content-length", "1001"], 413],
    [["upgrade", "websocket"], 501],
    [["host", "b"], 400],
    [Array.from({ length: 200 }, () => "x"), 431],
  ] as const)("%j is refused with %i", (raw, status) => {
    expect(read(...raw)).toMatchObject({ status });
  });

  test("a trace is followed only if it is one", () => {
    const ids = `${"a".repeat(32)}-${"b".repeat(16)}`;
    expect(traceOf(`00-${ids}-01`)).toMatchObject({ trace: "a".repeat(32), flags: "01" });
    for (const bad of [
      `00-${ids}`,
      `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
      `01-${ids}-01`,
      "x",
    ])
      expect(traceOf(bad)).toBeUndefined();
  });

  test("routes: the longest prefix, at a segment's end; ambiguous paths none", () => {
    const find = newRouting([{ prefix: "/a" }, { prefix: "/a/b" }]);
    expect(find("/a/b/c?x=/..")).toEqual({ prefix: "/a/b" });
    expect(find("/a/bc")).toEqual({ prefix: "/a" });
    expect(find("/ab")).toBeUndefined();
    for (const path of ["/a/../b", "/a//b", "/a/%2E%2e/b", "/a/.", "/a\\b", "/a%2fb"])
      expect(find(path)).toBe("ambiguous");
  });
});

describe("session tokens", () => {
  const write = (said: unknown): string => {
    const payload = sign.encode(typeof said === "string" ? said : JSON.stringify(said));
    return `v1.${payload}.${sign.sign(payload)}`;
  };
  const fine = { sub: "u-1", tier: "premium", wave: 2, region: "paris", exp: 1_000 };
  test("says who it is until it is over, also when it is remembered", () => {
    const verify = newSessionTokens(sign, 10);
    const session = { sub: "u-1", tier: "premium", wave: "2", region: "paris", expMs: 1_000 };
    expect(verify(write(fine), 0)).toEqual({ ok: true, value: session });
    expect(verify(write(fine), 999)).toEqual({ ok: true, value: session });
    expect(verify(write(fine), 1_000)).toMatchObject({ ok: false });
  });

  test.each([
    ["no signature", `v1.${sign.encode("{}")}`],
    ["another payload under the signature", write(fine).replace("v1.", "v1.A")],
    ["a waiting ticket", writeTicket(sign, { key: "u-1", tier: "premium", place: 1 })],
    ["no JSON", write("no")],
    ["null", write("null")],
    ["a line break in the subject", write({ ...fine, sub: "a\r\nx-tier: premium" })],
    ["another tier", write({ ...fine, tier: "gold" })],
    ["no end", write({ ...fine, exp: undefined })],
    ["too long", write({ ...fine, more: "x".repeat(2_000) })],
  ])("%s is no session", (_, token) => {
    expect(newSessionTokens(sign)(token, 0)).toMatchObject({ ok: false });
  });
});

describe("spans", () => {
  test("are read back by the hub's own decoder as what they were", () => {
    const batch = newSpanBatch({ "service.name": "api-gateway" });
    const ids = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331", parent: "" };
    const times = { startMs: 1_760_000_000_000.25, endMs: 1_760_000_000_012.75 };
    const kind = {
      method: "GET",
      route: "/obd2",
      service: "obd2",
      channel: "web",
      outcome: "served",
    };
    batch.add({ ...ids, ...times }, { ...kind, status: 200 });
    batch.add({ ...ids, ...times, parent: "00f067aa0ba902b7" }, { ...kind, status: 503 });
    const { body, spans } = batch.take()!;
    expect(spans).toBe(2);
    const decoded = decodeTraces(body, { notBeforeMs: 0, notAfterMs: 4e12 });
    expect(decoded.ok).toBe(true);
    const read = decoded.ok ? decoded.value.spans : [];
    expect(read).toHaveLength(2);
    expect(read[0]).toMatchObject({ name: "GET /obd2", kind: "server", durationNs: 12_500_000 });
    expect(read.map(({ status }) => status)).toEqual(["unset", "error"]);
    expect(read[0]!.resource.serviceName).toBe("api-gateway");
    expect(read[1]!.attributes.get("http.route")).toBe("/obd2");
    expect(read[1]!.attributes.get("novaevo.channel")).toBe("web");
    expect(batch.take()).toBeUndefined();
  });

  test("are bounded: what has no room is counted", () => {
    const batch = newSpanBatch({ "service.name": "api-gateway" }, 70_000);
    const ids = { trace: "a".repeat(32), span: "b".repeat(16), parent: "" };
    const kind = { method: "GET", route: "/x", service: "x", channel: "api", outcome: "served" };
    for (let nth = 0; nth < 1_000; nth += 1)
      batch.add({ ...ids, startMs: 1, endMs: 2 }, { ...kind, status: 200 });
    expect(batch.dropped()).toBeGreaterThan(0);
    expect(batch.spans() + batch.dropped()).toBe(1_000);
  });
});

describe("last good answers", () => {
  const answer = (bytes: number) => ({ atMs: 0, headers: [], body: new Uint8Array(bytes) });
  test("are bounded in bytes: the longest unused goes", () => {
    const kept = newLastGood(1_000);
    for (const key of ["a", "b", "a", "c", "d"]) kept.keep(key, answer(300));
    expect(kept.bytes()).toBe(900);
    const found = ["a", "b", "c", "d"].filter((key) => kept.find(key, 1, 0) !== undefined);
    expect(found).toEqual(["a", "c", "d"]);
    kept.keep("big", answer(300_000));
    expect(kept.find("big", 1, 0)).toBeUndefined();
  });

  test.each([
    [200, [], true],
    [404, [], false],
    [200, ["Set-Cookie", "a=b"], false],
    [200, ["cache-control", "max-age=5, private"], false],
    [200, ["Cache-Control", "No-Store"], false],
    [200, ["vary", "authorization"], false],
    [200, ["vary", "accept-language"], true],
    [200, ["content-encoding", "gzip"], false],
  ] as const)("of %i with %j may be kept: %s", (status, headers, may) => {
    expect(mayKeep(status, headers)).toBe(may);
  });
});
