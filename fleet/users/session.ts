/**
 * Session tokens as the platform's gateway reads them: `v1.<payload>.<HMAC-SHA-256 of payload>`.
 *
 * Units:  `exp` in ms since the epoch, at the end of the next hour: a user has one token an hour.
 */
const SESSION_MS = 3_600_000;

export type Subject = { readonly id: string; readonly isPremium: boolean };

export const tokenOf = (
  deps: { readonly nowMs: number; readonly sign: (payload: string) => string },
  { id, isPremium }: Subject,
  region: string,
): string => {
  const tier = isPremium ? "premium" : "standard";
  const exp = (Math.floor(deps.nowMs / SESSION_MS) + 2) * SESSION_MS;
  const payload = JSON.stringify({ sub: id, tier, wave: "beta", region, exp });
  const encoded = Buffer.from(payload).toString("base64url");
  return `v1.${encoded}.${deps.sign(encoded)}`;
};
