/**
 * The companies of the registry double: what a SIREN answers follows from its digits and the seed,
 * so that nothing is kept and two doubles of one seed agree.
 *
 * Shape:  JSON with the names of INSEE's Sirene API, `procedureCollective` and `representant`
 *         beside it. Of a hundred companies about 91 are active, 3 under a safeguard or in
 *         receivership, 1 in liquidation, 4 ceased, 1 unknown; one to four establishments each,
 *         of which one in 25 is closed; 92 of 100 trade in or repair vehicles. Names are made of
 *         words, whoever represents a company is a role: nobody is meant.
 * Errors: undefined for an establishment that is not there.
 */
import { parseSiret } from "../../kbis/identifiers.ts";

export type Entry = {
  readonly header: { readonly statut: number; readonly message: string };
  readonly etablissement: Readonly<Record<string, unknown>> & { readonly siret: string };
  readonly procedureCollective: string | null;
  readonly representant: string;
};

const LA_POSTE = "356000000";
const VEHICLE_APES = ["45.20A", "45.20A", "45.20A", "45.20B", "45.11Z", "45.32Z"] as const;
const OTHER_APES = ["47.11F", "56.10A", "62.01Z", "96.02A"] as const;
const FORMS = ["GARAGE", "ATELIER", "AUTO", "MECANIQUE", "CARROSSERIE", "STATION"] as const;
const THINGS = [
  ...(["PHARE", "MOULIN", "PONT", "CLOCHER", "CANAL", "VERGER", "ROCHER", "SILLON"] as const),
  ...(["PISTON", "BIELLE", "SOUPAPE", "TURBINE", "BOUSSOLE", "FALAISE", "COLLINE"] as const),
] as const;
const COLOURS = ["BLEU", "ROUGE", "VERT", "GRIS", "BLANC", "JAUNE", "NOIR", "OCRE"] as const;
const ROLES = ["Gérance", "Présidence", "Direction générale", "Cogérance"] as const;
const COMMUNES = ["75056", "69123", "13055", "31555", "44109", "67482", "59350", "35238"] as const;

export const companyOf = (seed: number, siret: string): Entry | undefined => {
  const parsed = parseSiret(siret);
  if (!parsed.ok) return undefined;
  const { siren, nic } = parsed.value;
  const draw = drawer(seed, siren);
  const isPost = siren === LA_POSTE;
  const [isUnknown, count, fate] = [draw(100) === 0, 1 + draw(4), draw(100)];
  const nth = Number(nic.slice(0, 4));
  if (!isPost && (isUnknown || nth > count)) return undefined;
  const name = `${pick(draw, FORMS)} ${pick(draw, THINGS)} ${pick(draw, COLOURS)}`;
  const ape = draw(100) < 92 ? pick(draw, VEHICLE_APES) : pick(draw, OTHER_APES);
  const director = `${pick(draw, ROLES)} ${name.split(" ").slice(1).join(" ").toLowerCase()}`;
  const since = `${1990 + draw(34)}-0${1 + draw(9)}-${10 + draw(18)}`;
  const isClosed = !isPost && drawer(seed, siret)(25) === 0;
  const hasCeased = !isPost && fate < 4;
  return {
    header: { statut: 200, message: "OK" },
    etablissement: {
      siren,
      nic,
      siret: parsed.value.siret,
      dateCreationEtablissement: since,
      etablissementSiege: nth <= 1,
      uniteLegale: {
        etatAdministratifUniteLegale: hasCeased ? "C" : "A",
        denominationUniteLegale: isPost ? "LA POSTE" : name,
        activitePrincipaleUniteLegale: isPost ? "53.10Z" : ape,
        nomenclatureActivitePrincipaleUniteLegale: "NAFRev2",
        dateCreationUniteLegale: since,
      },
      adresseEtablissement: { codeCommuneEtablissement: pick(draw, COMMUNES) },
      periodesEtablissement: [
        {
          dateDebut: since,
          dateFin: null,
          etatAdministratifEtablissement: hasCeased || isClosed ? "F" : "A",
        },
      ],
    },
    procedureCollective: isPost || hasCeased ? null : proceedingOf(fate),
    representant: isPost ? "Présidence de La Poste" : director,
  };
};

const proceedingOf = (fate: number): string | null => {
  if (fate === 4) return "liquidation_judiciaire";
  if (fate === 5) return "sauvegarde";
  return fate === 6 || fate === 7 ? "redressement_judiciaire" : null;
};

const pick = <T>(draw: (n: number) => T | number, all: readonly T[]): T =>
  all[draw(all.length) as number]!;

/** Numbers below n, one after the other, that follow from the seed and the text (FNV-1a, mixed). */
const drawer = (seed: number, text: string): ((n: number) => number) => {
  let state = (0x811c9dc5 ^ seed) >>> 0;
  for (const character of text)
    state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return (n) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % n;
  };
};
