/** Cents, codes, attribution and statements: tables of the rules, laws of the sums. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attribute, newCode, parseCode, WINDOW_MS } from "./attribution.ts";
import { clawback, distribute, divideHalfEven, earned, tierOf, type Line } from "./commission.ts";
import { MAX_LINE_CENTS, MAX_LINES } from "./commission.ts";
import { monthBefore, monthOf, statementOf, type Movement } from "./statement.ts";

const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
const cents = fc.integer({ min: 1, max: MAX_LINE_CENTS });
const lines = fc.array(cents, { minLength: 1, maxLength: MAX_LINES });
const rate = fc.constantFrom(300, 425, 550);

describe("commissions", () => {
  test.each([
    [5, 10, 0],
    [15, 10, 2],
    [25, 10, 2],
    [35, 10, 4],
    [14, 10, 1],
    [16, 10, 2],
    [0, 7, 0],
  ])("%i / %i is %i, half to even", (amount, by, whole) => {
    expect(divideHalfEven(amount, by)).toBe(whole);
  });

  test.each([
    ["one line", [10_000], 300, [300]],
    ["three thirds of a cent", [1_111, 1_111, 1_111], 300, [34, 33, 33]],
    ["half a cent goes to the even one", [50], 300, [2]],
    ["half a cent goes to the even one", [150], 300, [4]],
    ["lines too small for a cent share what the order has", [17, 17, 17, 17], 300, [1, 1, 0, 0]],
    ["nothing rounds to nothing", [1], 300, [0]],
  ])("%s: %j at %i bps is %j", (_, amounts, bps, expected) => {
    expect(earned(amounts, bps)).toEqual(expected);
  });

  test.each([
    [0, "bronze"],
    [499_999, "bronze"],
    [500_000, "silver"],
    [2_500_000, "gold"],
  ])("%i cents last month is %s", (sold, tier) => {
    expect(tierOf(sold).id).toBe(tier);
  });

  test("law: the lines sum to the order's commission, which is exact to half a cent", () => {
    fc.assert(
      fc.property(lines, rate, (amounts, bps) => {
        const shares = earned(amounts, bps);
        const exact = BigInt(sum(amounts)) * BigInt(bps);
        const off = BigInt(sum(shares)) * 10_000n - exact;
        expect(off >= -5_000n && off <= 5_000n).toBe(true);
        expect(shares.every((share, n) => share >= 0 && share <= amounts[n]!)).toBe(true);
      }),
    );
  });

  test("law: no share is a unit away from its exact part, also at the largest amounts", () => {
    const total = fc.integer({ min: 0, max: 55_000_000 });
    fc.assert(
      fc.property(total, lines, (all, weights) => {
        const parts = distribute(all, weights);
        expect(sum(parts)).toBe(all);
        const whole = BigInt(sum(weights));
        for (const [n, part] of parts.entries()) {
          const off = BigInt(part) * whole - BigInt(all) * BigInt(weights[n]!);
          expect(off > -whole && off < whole).toBe(true);
        }
      }),
    );
    expect(distribute(7, [0, 0])).toEqual([7, 0]);
  });

  test("control: shares that are rounded one by one do not sum to the order's", () => {
    const amounts = [17, 17, 17, 17];
    expect(sum(amounts.map((one) => divideHalfEven(one * 300, 10_000)))).not.toBe(
      sum(earned(amounts, 300)),
    );
  });

  test("law: a line refunded in any parts gives back exactly what it earned, never more before", () => {
    const parts = fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(parts, rate, (refunds, bps) => {
        const paid = sum(refunds);
        const [commission = 0] = earned([paid], bps);
        let line: Line = { cents: paid, commission, refunded: 0, clawedBack: 0 };
        for (const part of refunds) {
          const back = clawback(line, part);
          expect(back).toBeGreaterThanOrEqual(0);
          const [refunded, clawedBack] = [line.refunded + part, line.clawedBack + back];
          line = { cents: paid, commission, refunded, clawedBack };
          expect(line.clawedBack).toBeLessThanOrEqual(commission);
        }
        expect(line.clawedBack).toBe(commission);
      }),
    );
  });
});

describe("attribution", () => {
  const NOW = WINDOW_MS * 10;
  const touch = (affiliate: string, agoMs: number) => ({
    ...{ affiliate, owner: `owner-${affiliate}`, at: NOW - agoMs },
  });
  test.each([
    ["nobody", [], null, "no_touch"],
    ["the last", [touch("a", 5), touch("b", 3), touch("c", 9)], "b", "last_touch"],
    ["at the very end of the window", [touch("a", WINDOW_MS)], "a", "last_touch"],
    ["a moment too old", [touch("a", WINDOW_MS + 1)], null, "too_old"],
    ["after the order", [touch("a", -1)], null, "no_touch"],
    ["after the order, and one before", [touch("a", -1), touch("b", 4)], "b", "last_touch"],
    ["one's own only", [touch("buyer", 3)], null, "self_referral"],
    ["one's own after another's", [touch("a", 9), touch("buyer", 3)], "a", "last_touch"],
  ])("%s", (_, touches, affiliate, why) => {
    const order = { buyer: "owner-buyer", at: NOW };
    expect(attribute(touches, order)).toEqual({ affiliate, why });
  });

  const code = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(newCode);
  test("law: a code is read back, however it is typed; one wrong sign is found", () => {
    const other = fc.constantFrom(...Array.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"));
    fc.assert(
      fc.property(code, fc.nat(7), other, (made, at, sign) => {
        const typed = ` ${made.slice(0, 4)}-${made.slice(4)}`.toLowerCase().replaceAll("0", "o");
        expect(parseCode(typed)).toEqual({ ok: true, value: made });
        const wrong = made.slice(0, at) + sign + made.slice(at + 1);
        expect(parseCode(wrong).ok).toBe(wrong === made);
      }),
    );
  });
  test.each(["", "ABC", "UUUUUUUU", "é2345678", "x".repeat(33)])("%j is no code", (typed) => {
    expect(parseCode(typed).ok).toBe(false);
  });
});

describe("statements", () => {
  test("a month is Paris's, with the hour that summer takes", () => {
    const march = monthOf("2027-03");
    const [from, to] = ["2027-02-28T23:00:00Z", "2027-03-31T22:00:00Z"].map(Date.parse);
    expect(march).toEqual({ ok: true, value: { name: "2027-03", from, to } });
    expect(monthBefore(Date.parse("2026-12-31T23:30:00Z")).name).toBe("2026-12");
    expect(monthBefore(Date.parse("2026-12-31T22:30:00Z")).name).toBe("2026-11");
    for (const wrong of ["2026-13", "2026-1", "26-01", ""]) expect(monthOf(wrong).ok).toBe(false);
  });

  test("law: months in a row sum to the ledger, each opening where the last one closed", () => {
    const names = ["2026-10", "2026-11", "2026-12", "2027-01"];
    const months = names.map((name) => {
      const month = monthOf(name);
      if (!month.ok) throw new Error(month.error);
      return month.value;
    });
    const movement: fc.Arbitrary<Movement> = fc
      .tuple(
        fc.integer({ min: months[0]!.from, max: months.at(-1)!.to - 1 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.boolean(),
        fc.nat(5),
      )
      .map(([at, amount, isEarned, nth]) => {
        const order = `o-${nth}`;
        return isEarned
          ? { at, order, kind: "earned", cents: amount }
          : { at, order, kind: "clawed_back", cents: -amount };
      });
    fc.assert(
      fc.property(fc.array(movement, { maxLength: 60 }), (ledger) => {
        let opening = 0;
        for (const month of months) {
          const said = statementOf(month, opening, ledger, months[1]!.to);
          expect(said.openingCents).toBe(opening);
          expect(sum(said.orders.map((one) => one.cents))).toBe(said.closingCents - opening);
          expect(said.earnedCents >= 0 && said.clawedBackCents <= 0).toBe(true);
          opening = said.closingCents;
        }
        expect(opening).toBe(sum(ledger.map((one) => one.cents)));
      }),
    );
    const isFinal = (now: number) => statementOf(months[0]!, 0, [], now).isFinal;
    expect([isFinal(months[0]!.to + 299_999), isFinal(months[0]!.to + 300_000)]).toEqual([
      ...[false, true],
    ]);
  });
});
