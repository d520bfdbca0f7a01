/** Numbers of companies: tables of the published rules, laws over all numbers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  luhn,
  luhnDigit,
  parseApe,
  parseSiren,
  parseSiret,
  parseVat,
  vatOf,
} from "./identifiers.ts";

describe("SIREN and SIRET", () => {
  test.each([
    ["the head office of La Poste", "35600000000048"],
    ["in groups, as printed", "356 000 000 00048"],
    ["with no-break spaces", "356 000 000 00048"],
    ["another office of La Poste: digits sum to 5·n, Luhn fails", "35600000049837"],
  ])("%s holds", (_, typed) => {
    expect(parseSiret(typed)).toMatchObject({ ok: true, value: { siren: "356000000" } });
  });

  test.each([
    ["a letter", "3560000000O048", 'character 11 is "O"; a SIRET has 14 digits'],
    ["a letter after spaces", "356 000 000 0004B", 'character 17 is "B"'],
    ["a hyphen", "356-000-000-00048", 'character 4 is "-"'],
    ["Arabic-Indic digits", "٣56 000 000 00048", 'character 1 is "٣"'],
    ["too short", "3560000000004", "has 14 digits, this one 13"],
    ["nothing", "", "this one 0"],
    ["too long a text", "1".repeat(41), "this text 41 characters"],
    ["a wrong SIREN", "35600000100048", "the SIREN in SIRET"],
    ["La Poste, sum not 5·n", "35600000049838", "sum to 46, not 5·n"],
    ["no NIC", "35600000000000", "not all zeros"],
  ])("%s is refused with its place", (_, typed, why) => {
    const parsed = parseSiret(typed);
    expect(parsed.ok ? "held" : parsed.error).toContain(why);
  });

  test("the exception is La Poste's alone: the same sum elsewhere does not hold", () => {
    const siren = `73282932${luhnDigit("73282932")}`;
    const nics = Array.from({ length: 10_000 }, (_, n) => String(n + 1).padStart(5, "0"));
    const sumHolds = nics.filter(
      (nic) => Array.from(siren + nic).reduce((sum, digit) => sum + Number(digit), 0) % 5 === 0,
    );
    const held = sumHolds.filter((nic) => parseSiret(siren + nic).ok);
    expect(held.length).toBeLessThan(sumHolds.length / 5);
    expect(held.every((nic) => luhn(siren + nic))).toBe(true);
  });

  test("law: a check digit makes any stem hold, and every other digit breaks it", () => {
    const stem = fc.stringMatching(/^[0-9]{8}$/).filter((text) => text !== "00000000");
    fc.assert(
      fc.property(stem, fc.integer({ min: 1, max: 9 }), (text, shift) => {
        const digit = Number(luhnDigit(text));
        expect(parseSiren(`${text}${digit}`).ok).toBe(true);
        expect(parseSiren(`${text}${(digit + shift) % 10}`).ok).toBe(false);
      }),
    );
  });

  test("law: whatever is typed gives an answer, of 14 digits when it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (typed) => {
        const parsed = parseSiret(typed);
        expect(parsed.ok ? /^\d{14}$/.test(parsed.value.siret) : parsed.error !== "").toBe(true);
      }),
    );
  });
});

describe("VAT", () => {
  test.each(["FR 40 303 265 045", "Fr40303265045", "FR23334175221", "FRK7399859412"])(
    "%s holds",
    (typed) => expect(parseVat(typed).ok).toBe(true),
  );
  test.each([
    ["a wrong key", "FR41303265045", "the key 41"],
    ["a wrong SIREN", "FR40303265046", "the SIREN in VAT number"],
    ["a letter left out of keys", "FRO7399859412", "no I, no O"],
    ["another country", "DE303265045", "is FR"],
    ["a wrong key with a letter", "FRK8399859412", "the key K8"],
  ])("%s is refused", (_, typed, why) => {
    const parsed = parseVat(typed);
    expect(parsed.ok ? "held" : parsed.error).toContain(why);
  });

  test("law: the key of a SIREN holds, and no other key of digits does", () => {
    const stem = fc.stringMatching(/^[1-9][0-9]{7}$/);
    fc.assert(
      fc.property(stem, fc.integer({ min: 1, max: 96 }), (text, shift) => {
        const siren = `${text}${luhnDigit(text)}`;
        const vat = vatOf(siren);
        expect(parseVat(vat)).toEqual({ ok: true, value: { vat, siren } });
        const other = (Number(vat.slice(2, 4)) + shift) % 97;
        expect(parseVat(`FR${String(other).padStart(2, "0")}${siren}`).ok).toBe(false);
      }),
    );
  });
});

test.each([
  ["45.20A", "4520A"],
  ["4520a", "4520A"],
  ["95.31Y", "9531Y"],
  ["34.10Z", undefined],
  ["4520", undefined],
  ["45.2.0A", undefined],
  ["4520AA", undefined],
])("APE %s", (typed, code) => {
  const parsed = parseApe(typed);
  expect(parsed.ok ? parsed.value : undefined).toBe(code);
});
