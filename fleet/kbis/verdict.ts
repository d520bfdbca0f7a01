/**
 * The verdict on a company: what it says of itself, held against what the registry knows.
 *
 * Shape:  one check each for state, establishment, activity, VAT, director and document, with an
 *         outcome and a reason. One `fail` refuses; else one `unknown` leaves it pending (a person
 *         or a later try decides); all `pass` verifies. What nobody claimed is not checked.
 * Units:  ms since the epoch.
 * Errors: none; numbers that are malformed are refused before, where they are read.
 */
import { matchNames } from "./director.ts";
import type { DocumentAge } from "./document.ts";

export const COMPANY_STATES = [
  ...(["active", "ceased", "safeguard", "receivership", "liquidation"] as const),
] as const;
export type CompanyState = (typeof COMPANY_STATES)[number];

export type Company = {
  readonly siret: string;
  readonly name: string;
  readonly state: CompanyState;
  readonly isOpen: boolean;
  /** Without its dot. */
  readonly ape: string;
  readonly director: string | null;
  readonly commune: string;
};

export type Claim = {
  readonly siret: string;
  readonly siren: string;
  readonly ape?: string | undefined;
  readonly vatSiren?: string | undefined;
  readonly director?: string | undefined;
  readonly document?: DocumentAge | undefined;
};

export const CHECKS = [
  ...(["registry", "state", "establishment", "activity", "vat", "director", "document"] as const),
] as const;
export const OUTCOMES = ["pass", "fail", "unknown"] as const;
export const VERDICTS = ["verified", "refused", "pending"] as const;
type Outcome = (typeof OUTCOMES)[number];
export type Checked = {
  readonly check: (typeof CHECKS)[number];
  readonly outcome: Outcome;
  readonly why: string;
};
export type Verdict = {
  readonly verdict: (typeof VERDICTS)[number];
  readonly checks: readonly Checked[];
};

/** `company`: null when the registry has none, undefined when nobody could be asked. */
export const judge = (claim: Claim, company: Company | null | undefined): Verdict => {
  const checks = [...ofRegistry(claim, company), ...ofPapers(claim, company ?? undefined)];
  const has = (outcome: Outcome): boolean => checks.some((one) => one.outcome === outcome);
  return { verdict: has("fail") ? "refused" : has("unknown") ? "pending" : "verified", checks };
};

const said = (check: Checked["check"], outcome: Outcome, why: string): Checked => ({
  ...{ check, outcome, why },
});

const ofRegistry = (claim: Claim, company: Company | null | undefined): readonly Checked[] => {
  if (company === undefined)
    return [said("registry", "unknown", "the registry and its alternative do not answer")];
  if (company === null)
    return [said("registry", "fail", `the registry has no establishment ${claim.siret}`)];
  return [
    said("registry", "pass", `registered as ${company.name}`),
    stateOf(company.state),
    company.isOpen
      ? said("establishment", "pass", "the establishment is open")
      : said("establishment", "fail", "the establishment is closed"),
    activityOf(claim, company),
  ];
};

const stateOf = (state: CompanyState): Checked => {
  switch (state) {
    case "active":
      return said("state", "pass", "the company is active");
    case "ceased":
      return said("state", "fail", "the company has ceased");
    case "liquidation":
      return said("state", "fail", "the company is being liquidated by a court");
    case "safeguard":
    case "receivership":
      // It still works, under a court's eye: whether to go on with it is for a person to say.
      return said("state", "unknown", `the company is under collective proceedings (${state})`);
  }
};

/** Maintenance and trade of vehicles: division 45 of NAF rev. 2, 95.3 and 47.8 of NAF 2025. */
const VEHICLE_TRADE = /^(?:45\d\d|953\d|478\d)[A-Z]$/;

const activityOf = (claim: Claim, company: Company): Checked => {
  if (claim.ape !== undefined && claim.ape !== company.ape)
    return said("activity", "fail", `APE ${claim.ape} is claimed, ${company.ape} registered`);
  return VEHICLE_TRADE.test(company.ape)
    ? said("activity", "pass", `APE ${company.ape} is trade or repair of vehicles`)
    : said("activity", "unknown", `APE ${company.ape} is not trade or repair of vehicles`);
};

const ofPapers = (claim: Claim, company: Company | undefined): readonly Checked[] => {
  const checks: Checked[] = [];
  if (claim.vatSiren !== undefined)
    checks.push(
      claim.vatSiren === claim.siren
        ? said("vat", "pass", "the VAT number is of the same company")
        : said("vat", "fail", `the VAT number is of SIREN ${claim.vatSiren}, not ${claim.siren}`),
    );
  if (claim.director !== undefined && company !== undefined)
    checks.push(directorOf(claim.director, company.director));
  if (claim.document !== undefined)
    checks.push(said("document", claim.document.isFresh ? "pass" : "fail", claim.document.why));
  return checks;
};

const directorOf = (given: string, registered: string | null): Checked => {
  if (registered === null) return said("director", "unknown", "the registry names nobody");
  const { match, why } = matchNames(given, registered);
  switch (match) {
    case "same":
      return said("director", "pass", why);
    case "close":
      return said("director", "unknown", `close to the registered name: ${why}`);
    case "other":
      return said("director", "fail", "not the registered name");
  }
};
