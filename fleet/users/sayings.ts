/**
 * What users and their dongles say: sentences, trouble codes, OBD-II lines, companies.
 *
 * Shape:  lines as an ELM327 prints them: live values of modes 01, now and then a code of mode 03.
 * Source: SAE J1979 for the form of the lines; the numbers of companies are generated (Luhn).
 */
import type { Dice } from "./dice.ts";

export const SENTENCES = [
  "ma voiture broute à froid depuis ce matin",
  "le voyant moteur est allumé sur ma Clio",
  "je veux un rdv pour la vidange samedi",
  "combien coûtent des plaquettes avant pour une 308 ?",
  "mon boîtier ne se connecte plus en bluetooth",
  "annulez mon rendez-vous de demain svp",
  "c'est quoi le code P0420",
  "j'entends un bruit de frottement quand je freine",
  "comment passer à l'abonnement premium",
  "je n'ai pas reçu ma facture d'octobre",
  "mise à jour du calculateur possible à Lyon ?",
  "bonjour",
  "je voudrais parler à un conseiller",
  "la clim ne fait plus de froid",
  "trouve moi une batterie pour Golf 7 1.6 TDI",
  "deplacer mon rdv a jeudi apres midi",
] as const;

export const CODES = [
  ...["P0300", "P0301", "P0171", "P0420", "P0128", "P0442", "P0101", "P0335"],
  ...["C0035", "U0100", "B0001", "P1351"],
] as const;

const hex = (value: number, digits = 2): string =>
  value.toString(16).toUpperCase().padStart(digits, "0");

/** Speed, revolutions, temperature, load and voltage, as one look of the app asks for. */
export const linesOf = (nth: number, dice: Dice): readonly string[] => {
  const revolutions = hex(4 * (750 + dice.below(2_400)), 4);
  const millivolts = hex(13_200 + dice.below(1_300), 4);
  const lines = [
    `41 0C ${revolutions.slice(0, 2)} ${revolutions.slice(2)}`,
    `41 0D ${hex(dice.below(131))}`,
    `41 05 ${hex(40 + 70 + dice.below(30))}`,
    `41 04 ${hex(20 + dice.below(180))}`,
    `41 42 ${millivolts.slice(0, 2)} ${millivolts.slice(2)}`,
  ];
  // One car in eight has a stored code, and keeps it.
  return nth % 8 === 0 ? [...lines, "43 01 04 20"] : lines;
};

const luhn = (digits: string): number =>
  Array.from(digits)
    .toReversed()
    .reduce((sum, digit, nth) => {
      const doubled = Number(digit) * (nth % 2 === 1 ? 2 : 1);
      return sum + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
const withCheck = (digits: string): string => `${digits}${(10 - (luhn(`${digits}0`) % 10)) % 10}`;

/** Establishments the registry's double may know or not. */
export const SIRETS: readonly string[] = Array.from({ length: 64 }, (_, nth) => {
  const siren = withCheck(String(40_000_000 + nth * 7_919));
  return withCheck(`${siren}${String((nth % 9) + 1).padStart(4, "0")}`);
});
