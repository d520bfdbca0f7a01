/** Names of who runs a company, and the age of its extract. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOneEditApart, matchNames } from "./director.ts";
import { documentAge } from "./document.ts";

describe("a name", () => {
  test.each([
    ["Gérance de l'Étoile", "GERANCE ETOILE", "same"],
    ["Étoile Gérance", "gérance de l’étoile", "same"],
    ["Mme Présidence DES-CHÊNES", "Presidence Chenes", "same"],
    ["Cœur Volant", "COEUR VOLANT", "same"],
    ["Weiß von der Linde", "WEISS LINDE", "same"],
    ["Gérance Étoile", "Gérance Étoile Polaire", "close"],
    ["G. Étoile", "Gérance Étoile", "close"],
    ["Gérance Étiole", "Gérance Étoile", "close"],
    ["Gérance Étole", "Gérance Étoile", "close"],
    ["Étoile", "Gérance Étoile", "other"],
    ["Gérance Comète", "Gérance Étoile", "other"],
    ["De La", "De La", "same"],
    ["", "Gérance Étoile", "other"],
    ["!!!", "???", "other"],
  ] as const)("%j beside %j is %s", (given, registered, match) => {
    expect(matchNames(given, registered).match).toBe(match);
  });

  test("law: case, accents and order of words do not count, and either side may be asked", () => {
    const word = fc.stringMatching(/^[A-Z]{2,9}$/);
    const words = fc.array(word, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(words, (all) => {
        const turned = all.toReversed().join("-").toLowerCase().replaceAll("e", "é");
        expect(matchNames(turned, all.join(" ")).match).toBe("same");
      }),
    );
    fc.assert(
      fc.property(words, words, (a, b) => {
        const [left, right] = [a.join(" "), b.join(" ")];
        expect(matchNames(left, right).match).toBe(matchNames(right, left).match);
      }),
    );
  });

  test("law: one edit is found wherever it is", () => {
    const word = fc.stringMatching(/^[A-Z]{5,10}$/);
    fc.assert(
      fc.property(word, fc.nat(9), (text, at) => {
        const cut = at % text.length;
        expect(isOneEditApart(text, text.slice(0, cut) + text.slice(cut + 1))).toBe(true);
        expect(isOneEditApart(text, `${text.slice(0, cut)}0${text.slice(cut)}`)).toBe(true);
        expect(isOneEditApart(text, `${text.slice(0, cut)}0${text.slice(cut + 1)}`)).toBe(true);
        expect(isOneEditApart(text, `0${text}0`)).toBe(false);
      }),
    );
  });
});

const noonOf = (day: string): number => Date.parse(`${day}T12:00:00Z`);

describe("an extract", () => {
  test.each([
    ["2026-08-25", "2026-11-24", true, "2026-11-24"],
    ["2026-08-25", "2026-11-25", false, "2026-11-24"],
    ["2026-11-30", "2027-02-27", true, "2027-02-27"],
    ["2026-11-30", "2027-02-28", false, "2027-02-27"],
    ["2027-11-30", "2028-02-28", true, "2028-02-28"],
    ["2027-11-30", "2028-02-29", false, "2028-02-28"],
    ["2026-01-31", "2026-04-29", true, "2026-04-29"],
    ["2026-01-31", "2026-04-30", false, "2026-04-29"],
    ["2026-11-25", "2026-11-25", true, "2027-02-24"],
  ])("issued %s, looked at on %s: fresh %s", (issued, today, isFresh, lastDay) => {
    const age = documentAge(issued, noonOf(today));
    expect(age).toMatchObject({ ok: true, value: { isFresh, lastDay } });
  });

  test("the day is that of Paris: at 23:30 UTC it is tomorrow there", () => {
    const late = Date.parse("2026-11-24T23:30:00Z");
    expect(documentAge("2026-08-25", late)).toMatchObject({ value: { isFresh: false } });
    expect(documentAge("2026-11-25", late)).toMatchObject({ value: { ageDays: 0 } });
  });

  test("says the arithmetic", () => {
    const age = documentAge("2026-11-30", noonOf("2027-02-28"));
    expect(age.ok && age.value.why).toBe(
      "issued 2026-11-30 + 3 months = 2027-02-28 (that month has no day 30); " +
        "today 2027-02-28 is not before it",
    );
  });

  test.each(["2026-02-30", "2026-13-01", "25/11/2026", "", "2026-11-26", "20261125"])(
    "%j is refused",
    (issued) => expect(documentAge(issued, noonOf("2026-11-25")).ok).toBe(false),
  );

  test("law: fresh exactly up to the last day, and never after", () => {
    const day = fc.date({
      min: new Date("2020-01-01"),
      max: new Date("2030-01-01"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(day, fc.integer({ min: 0, max: 150 }), (from, days) => {
        const issued = from.toISOString().slice(0, 10);
        const now = noonOf(issued) + days * 86_400_000;
        const age = documentAge(issued, now);
        if (!age.ok) throw new Error(age.error);
        const today = new Date(now).toISOString().slice(0, 10);
        expect(age.value.ageDays).toBe(days);
        expect(age.value.isFresh).toBe(today <= age.value.lastDay);
      }),
    );
  });
});
