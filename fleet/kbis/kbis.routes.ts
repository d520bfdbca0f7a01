/**
 * KBIS Verification over HTTP: verify what a company says of itself, the standing of an
 * establishment, the last verdict, and what the partners keep of their promise.
 *
 * Errors: 400 names the field and the place in it; 404 for a verdict nobody gave yet.
 */
import * as z from "zod";
import { ok, problem, type Result } from "../../src/kernel/result.ts";
import type { Db } from "../../src/io/postgres/db.ts";
import { refuse, route, type Refusal, type Route } from "../frame/route.ts";
import { documentAge } from "./document.ts";
import { parseApe, parseSiret, parseVat, type Siret } from "./identifiers.ts";
import { saveVerification, verificationOf } from "./kbis.store.ts";
import { SOURCES, type Known, type Registry } from "./registry.flow.ts";
import { CHECKS, COMPANY_STATES, judge, OUTCOMES, VERDICTS, type Claim } from "./verdict.ts";

const MAX_TYPED = 100;
const MAX_NAME = 200;
const typed = z.string().min(1).max(MAX_TYPED);
const claimBody = z.strictObject({
  siret: typed.describe("14 digits, spaces allowed"),
  ape: typed.optional(),
  vat: typed.optional().describe("FR, key, SIREN"),
  director: z.string().min(1).max(MAX_NAME).optional(),
  document: z.strictObject({ issuedOn: typed.describe("YYYY-MM-DD, of the extract") }).optional(),
});
const checks = z.array(
  z.object({ check: z.enum(CHECKS), outcome: z.enum(OUTCOMES), why: z.string() }),
);
const company = z.object({
  ...{ siret: z.string(), name: z.string(), state: z.enum(COMPANY_STATES), isOpen: z.boolean() },
  ...{ ape: z.string(), director: z.string().nullable(), commune: z.string() },
});
const standing = z.object({
  siret: z.string(),
  verdict: z.enum(VERDICTS),
  checks,
  company: company.nullable(),
  source: z.enum([...SOURCES, "cache", "none"]),
  /** Of what the registry said. */
  ageMs: z.number().nonnegative(),
  degraded: z.boolean(),
});
const bySiret = z.strictObject({ siret: typed });
const last = z.object({
  ...{ siret: z.string(), verdict: z.enum(VERDICTS), checks },
  ageMs: z.number().nonnegative(),
});
const sla = z.object({
  partner: z.enum(SOURCES),
  calls: z.int(),
  availability: z.number().nullable(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
});

type Deps = { readonly db: Db; readonly registry: Registry; readonly nowMs: () => number };

export const kbisRoutes = ({ db, registry, nowMs }: Deps): readonly Route[] => [
  route({
    method: "POST",
    path: "/verifications",
    summary: "Verifies what a company says of itself against the registry",
    body: claimBody,
    answer: standing,
    refusals: { 400: "A number or a date is malformed; the message names the place" },
    handler: async ({ body }) => {
      const claim = readClaim(body, nowMs());
      if (!claim.ok) return claim;
      const known = await registry.known(claim.value.siret);
      const verdict = judge(claim.value, known.company);
      const { siret } = claim.value;
      await saveVerification(db, { siret, ...verdict, checkedAt: nowMs() });
      return ok(said(siret, verdict, known));
    },
  }),
  route({
    method: "GET",
    path: "/companies/:siret",
    summary: "The standing of an establishment, by the registry alone",
    params: bySiret,
    answer: standing,
    refusals: { 400: "The SIRET is malformed; the message names the place" },
    handler: async ({ params }) => {
      const siret = readSiret(params.siret);
      if (!siret.ok) return siret;
      const known = await registry.known(siret.value.siret);
      return ok(said(siret.value.siret, judge(siret.value, known.company), known));
    },
  }),
  route({
    method: "GET",
    path: "/verifications/:siret",
    summary: "The last verdict that was given, with its age",
    params: bySiret,
    answer: last,
    refusals: { 404: "Nobody asked for a verdict on this establishment yet" },
    handler: async ({ params }) => {
      const siret = readSiret(params.siret);
      if (!siret.ok) return siret;
      const found = await verificationOf(db, siret.value.siret);
      if (found === undefined)
        return problem("not_found", `siret: no verdict on ${siret.value.siret} yet`);
      const { checkedAt, verdict, checks } = found;
      const ageMs = Math.max(0, nowMs() - checkedAt);
      return ok({ siret: found.siret, verdict, checks: [...checks], ageMs });
    },
  }),
  route({
    method: "GET",
    path: "/partners",
    summary: "Availability and latency of the partners over five minutes",
    answer: z.object({ items: z.array(sla) }),
    handler: async () => {
      const slas = registry.slas();
      return ok({ items: SOURCES.map((partner) => Object.assign({ partner }, slas[partner])) });
    },
  }),
];

const said = (
  siret: string,
  { verdict, checks }: ReturnType<typeof judge>,
  { company, source, ageMs, isDegraded }: Known,
): z.input<typeof standing> => ({
  ...{ siret, verdict, checks: [...checks], company: company ?? null },
  ...{ source, ageMs, degraded: isDegraded },
});

const readSiret = (text: string): Result<Siret, Refusal> => {
  const parsed = parseSiret(text);
  return parsed.ok ? parsed : refuse("bad_siret", 400, `siret: ${parsed.error}`, "siret");
};

const readClaim = (body: z.output<typeof claimBody>, now: number): Result<Claim, Refusal> => {
  const siret = readSiret(body.siret);
  if (!siret.ok) return siret;
  const ape = body.ape === undefined ? undefined : parseApe(body.ape);
  if (ape?.ok === false) return refuse("bad_ape", 400, `ape: ${ape.error}`, "ape");
  const vat = body.vat === undefined ? undefined : parseVat(body.vat);
  if (vat?.ok === false) return refuse("bad_vat", 400, `vat: ${vat.error}`, "vat");
  const issuedOn = body.document?.issuedOn;
  const document = issuedOn === undefined ? undefined : documentAge(issuedOn, now);
  const field = "document.issuedOn";
  if (document?.ok === false)
    return refuse("bad_document", 400, `${field}: ${document.error}`, field);
  return ok({
    siret: siret.value.siret,
    siren: siret.value.siren,
    ape: ape?.value,
    vatSiren: vat?.value.siren,
    director: body.director,
    document: document?.value,
  });
};
