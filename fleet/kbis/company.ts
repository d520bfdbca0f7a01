/**
 * A registry's answer, Sirene-like JSON, read into what the verdict needs.
 *
 * Shape:  200 → a company; 404 → null; all else is no answer (undefined), to be had elsewhere.
 * Errors: none; an answer that does not fit its schema is no answer.
 * Source: the names of INSEE's Sirene API; proceedings and who represents come beside it.
 */
import * as z from "zod";
import type { Company, CompanyState } from "./verdict.ts";

const text = z.string().max(200);
const sirene = z.object({
  etablissement: z.object({
    siret: z.string().regex(/^\d{14}$/),
    uniteLegale: z.object({
      etatAdministratifUniteLegale: z.enum(["A", "C"]),
      denominationUniteLegale: text,
      activitePrincipaleUniteLegale: text,
    }),
    adresseEtablissement: z.object({ codeCommuneEtablissement: text }),
    periodesEtablissement: z
      .array(
        z.object({ etatAdministratifEtablissement: z.enum(["A", "F"]), dateFin: text.nullable() }),
      )
      .min(1)
      .max(100),
  }),
  procedureCollective: z
    .enum(["sauvegarde", "redressement_judiciaire", "liquidation_judiciaire"])
    .nullable(),
  representant: text.nullable(),
});

const PROCEEDINGS = {
  sauvegarde: "safeguard",
  redressement_judiciaire: "receivership",
  liquidation_judiciaire: "liquidation",
} as const satisfies Record<string, CompanyState>;

export const readCompany = (answer: {
  readonly status: number;
  readonly body: unknown;
}): Company | null | undefined => {
  if (answer.status === 404) return null;
  if (answer.status !== 200) return undefined;
  const parsed = sirene.safeParse(answer.body);
  if (!parsed.success) return undefined;
  const { etablissement, procedureCollective, representant } = parsed.data;
  const { uniteLegale, adresseEtablissement, periodesEtablissement } = etablissement;
  const hasCeased = uniteLegale.etatAdministratifUniteLegale === "C";
  const inForce = periodesEtablissement.find(({ dateFin }) => dateFin === null);
  return {
    siret: etablissement.siret,
    name: uniteLegale.denominationUniteLegale,
    state: hasCeased
      ? "ceased"
      : procedureCollective === null
        ? "active"
        : PROCEEDINGS[procedureCollective],
    isOpen: inForce?.etatAdministratifEtablissement === "A",
    ape: uniteLegale.activitePrincipaleUniteLegale.replace(".", ""),
    director: representant,
    commune: adresseEtablissement.codeCommuneEtablissement,
  };
};
