/**
 * The numbers of a French company: SIREN, SIRET, APE code and intra-community VAT number.
 *
 * Shape:  a check takes what somebody typed and gives the number without its separators.
 * Errors: one sentence that names the place (characters counted from 1) or the rule that fails.
 * Source: INSEE (SIREN, SIRET, NAF), article 286 ter A of the tax code's annex (VAT key). La Poste
 *         has more establishments than Luhn leaves room for: INSEE lets the digits of its SIRETs
 *         sum to a multiple of five instead, its head office alone keeps Luhn.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";

export type Siret = { readonly siret: string; readonly siren: string; readonly nic: string };

/** Separators people type: spaces (plain, no-break, narrow) between groups; nothing else. */
const SEPARATORS = /[ \u00A0\u202F]/;
const MAX_TYPED = 40;
const LA_POSTE = "356000000";
const LA_POSTE_HEAD_OFFICE = "00048";

export const parseSiren = (typed: string): Result<string, string> => {
  const siren = digitsOf(typed, "SIREN", 9);
  if (!siren.ok) return siren;
  if (/^0+$/.test(siren.value)) return err("a SIREN is not all zeros");
  return luhn(siren.value) ? siren : err(`the check digit of SIREN ${siren.value} is wrong (Luhn)`);
};

export const parseSiret = (typed: string): Result<Siret, string> => {
  const digits = digitsOf(typed, "SIRET", 14);
  if (!digits.ok) return digits;
  const siret = digits.value;
  const siren = parseSiren(siret.slice(0, 9));
  if (!siren.ok) return err(`the SIREN in SIRET ${siret} is wrong: ${siren.error}`);
  const nic = siret.slice(9);
  if (nic === "00000") return err("the last five digits of a SIRET are not all zeros");
  if (siren.value === LA_POSTE && nic !== LA_POSTE_HEAD_OFFICE) {
    const sum = Array.from(siret).reduce((total, digit) => total + Number(digit), 0);
    if (sum % 5 !== 0) return err(`the digits of La Poste's SIRET ${siret} sum to ${sum}, not 5·n`);
  } else if (!luhn(siret)) return err(`the check digit of SIRET ${siret} is wrong (Luhn)`);
  return ok({ siret, siren: siren.value, nic });
};

/** Divisions the nomenclature has; 04, 34, 40 … were never given out. */
const DIVISIONS: readonly (readonly [from: number, to: number])[] = [
  ...([
    [1, 3],
    [5, 9],
    [10, 33],
    [35, 39],
    [41, 43],
    [45, 47],
    [49, 53],
    [55, 56],
  ] as const),
  ...([
    [58, 66],
    [68, 75],
    [77, 82],
    [84, 88],
    [90, 99],
  ] as const),
];

/** NAF rev. 2 and NAF 2025 have one shape: two digits, a dot or none, two digits, a letter. */
export const parseApe = (typed: string): Result<string, string> => {
  if (typed.length > MAX_TYPED) return err(`an APE code has 5 characters, this ${typed.length}`);
  const found = /^(\d\d)\.?(\d\d)([A-Z])$/.exec(typed.trim().toUpperCase());
  if (found === null) return err('an APE code is four digits and a letter, such as "45.20A"');
  const division = Number(found[1]);
  if (!DIVISIONS.some(([from, to]) => division >= from && division <= to))
    return err(`division ${found[1]} is none of NAF`);
  return ok(`${found[1]}${found[2]}${found[3]}`);
};

/** Letters I and O were left out of the keys, lest they be read as digits. */
const KEY_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";

export const parseVat = (typed: string): Result<{ vat: string; siren: string }, string> => {
  if (typed.length > MAX_TYPED) return err(`a French VAT number has 13 characters`);
  const vat = typed.replaceAll(new RegExp(SEPARATORS, "g"), "").toUpperCase();
  const found = /^FR([0-9A-HJ-NP-Z]{2})(\d{9})$/.exec(vat);
  if (found === null)
    return err("a French VAT number is FR, a key of two digits or letters (no I, no O), a SIREN");
  const [, key = "", digits = ""] = found;
  const siren = parseSiren(digits);
  if (!siren.ok) return err(`the SIREN in VAT number ${vat} is wrong: ${siren.error}`);
  return keyHolds(key, siren.value)
    ? ok({ vat, siren: siren.value })
    : err(`the key ${key} does not belong to SIREN ${siren.value}`);
};

/** The key that tax offices give first: digits only. */
export const vatOf = (siren: string): string => {
  const key = (12 + 3 * (Number(siren) % 97)) % 97;
  return `FR${String(key).padStart(2, "0")}${siren}`;
};

const keyHolds = (key: string, siren: string): boolean => {
  if (/^\d\d$/.test(key)) return vatOf(siren).slice(2, 4) === key;
  const first = KEY_ALPHABET.indexOf(key[0]!);
  const second = KEY_ALPHABET.indexOf(key[1]!);
  const packed = first < 10 ? first * 24 + second - 10 : first * 34 + second - 100;
  return (Number(siren) + 1 + Math.floor(packed / 11)) % 11 === packed % 11;
};

const digitsOf = (typed: string, what: string, length: number): Result<string, string> => {
  if (typed.length > MAX_TYPED)
    return err(`a ${what} has ${length} digits, this text ${typed.length} characters`);
  let digits = "";
  for (const [index, character] of Array.from(typed).entries()) {
    if (SEPARATORS.test(character)) continue;
    if (character < "0" || character > "9")
      return err(
        `character ${index + 1} is ${JSON.stringify(character)}; a ${what} has ${length} digits`,
      );
    digits += character;
  }
  if (digits.length !== length)
    return err(`a ${what} has ${length} digits, this one ${digits.length}`);
  return ok(digits);
};

/** ISO/IEC 7812: every second digit from the right counts double, its digits summed. */
export const luhn = (digits: string): boolean => luhnSum(digits) % 10 === 0;

const luhnSum = (digits: string): number =>
  Array.from(digits).reduceRight((sum, digit, index) => {
    const value = Number(digit) * ((digits.length - 1 - index) % 2 === 1 ? 2 : 1);
    return sum + (value > 9 ? value - 9 : value);
  }, 0);

/** The digit that makes `stem` and it hold. */
export const luhnDigit = (stem: string): string => String((10 - (luhnSum(`${stem}0`) % 10)) % 10);
