/**
 * What a supplier double says of a part: price, stock, days of delivery. The same for the same
 * supplier, part and day; nobody's real prices.
 *
 * Shape:  a supplier sells most of the catalogue, under its list price; stock moves by the day.
 * Units:  cents, pieces, days.
 */
import { mix } from "../../parts-finder/catalogue.ts";

export type Offer = {
  readonly reference: string;
  readonly priceCents: number;
  readonly stock: number;
  readonly leadDays: number;
};

const SELLS_PERCENT = 88;
const IN_STOCK_PERCENT = 78;
const MAX_STOCK = 40;
const DISCOUNT_PERCENT = { from: 3, to: 24 } as const;

/** Undefined: it does not sell that. */
export const offerOf = (
  supplier: string,
  part: { readonly id: number; readonly reference: string; readonly listPriceCents: number },
  day: number,
): Offer | undefined => {
  const seed = Array.from(supplier).reduce((sum, letter) => mix(sum, letter.charCodeAt(0)), 0);
  const dice = mix(seed, part.id);
  if (dice % 100 >= SELLS_PERCENT) return undefined;
  const { from, to } = DISCOUNT_PERCENT;
  const percent = 100 - from - ((dice >>> 8) % (to - from + 1));
  const today = mix(seed + day, part.id);
  const isThere = today % 100 < IN_STOCK_PERCENT;
  return {
    reference: part.reference,
    priceCents: Math.max(1, Math.round((part.listPriceCents * percent) / 100)),
    stock: isThere ? 1 + ((today >>> 8) % MAX_STOCK) : 0,
    leadDays: isThere ? 1 + ((today >>> 16) % 2) : 4 + ((today >>> 16) % 9),
  };
};
