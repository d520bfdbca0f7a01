/**
 * Whether a garage is verified: asked of KBIS Verification through the gateway, remembered.
 *
 * Shape:  an answer counts for ten minutes. When KBIS, or the registry behind it, does not know,
 *         the last known standing counts with its age, up to seven days. Requests that ask for the
 *         same garage at the same time share one call.
 * Units:  ms.
 * Errors: undefined when nobody knows: unknown never passes.
 */
import * as z from "zod";
import type { CallOut } from "../frame/call.ts";
import type { Caller } from "../frame/route.ts";
import type { Standing } from "./waiting.store.ts";

export type Known = Standing & { readonly ageMs: number; readonly isDegraded: boolean };
export type Standings = (siret: string, caller: Caller) => Promise<Known | undefined>;

const FRESH_MS = 10 * 60_000;
const MAX_AGE_MS = 7 * 24 * 3_600_000;
const TIMEOUT_MS = 2_500;
const MAX_ASKED_AT_ONCE = 1_000;

const answer = z.object({
  verdict: z.enum(["verified", "refused", "pending"]),
  source: z.string(),
  ageMs: z.number().nonnegative(),
});

export const openStandings = (deps: {
  readonly call: CallOut;
  readonly now: () => number;
  readonly load: (siret: string) => Promise<Standing | undefined>;
  readonly save: (siret: string, standing: Standing) => Promise<void>;
}): Standings => {
  const asked = new Map<string, Promise<Standing | undefined>>();
  const ask = async (siret: string, caller: Caller): Promise<Standing | undefined> => {
    const path = `/kbis/companies/${siret}`;
    const said = await deps.call({ to: { service: "kbis" }, path, caller, timeoutMs: TIMEOUT_MS });
    if (!said.ok || said.value.status !== 200) return undefined;
    const parsed = answer.safeParse(said.value.body);
    // "none": KBIS answers, but nobody it could ask does.
    if (!parsed.success || parsed.data.source === "none") return undefined;
    const { verdict, ageMs } = parsed.data;
    const standing = { verdict, checkedAt: deps.now() - ageMs };
    await deps.save(siret, standing);
    return standing;
  };
  const askOnce = (siret: string, caller: Caller): Promise<Standing | undefined> => {
    const running = asked.get(siret);
    if (running !== undefined) return running;
    const started = ask(siret, caller).finally(() => asked.delete(siret));
    if (asked.size < MAX_ASKED_AT_ONCE) asked.set(siret, started);
    return started;
  };
  return async (siret, caller) => {
    const last = await deps.load(siret);
    const ageOf = ({ checkedAt }: Standing): number => Math.max(0, deps.now() - checkedAt);
    if (last !== undefined && ageOf(last) < FRESH_MS)
      return { ...last, ageMs: ageOf(last), isDegraded: false };
    const now = (await askOnce(siret, caller)) ?? last;
    if (now === undefined || ageOf(now) > MAX_AGE_MS) return undefined;
    return { ...now, ageMs: ageOf(now), isDegraded: ageOf(now) >= FRESH_MS };
  };
};
