/**
 * What the orders in force mean for one request, looked up fast.
 *
 * Shape:  built anew from the orders whenever they change.
 */
import type { GatewayOrder } from "../control/messages.ts";
import type { Weights } from "./balance.ts";
import type { FallbackMode } from "./fallback.ts";
import type { Rate } from "./gcra.ts";
import { DEFAULT_PREMIUM_SHARE } from "./turns.ts";
import type { RoomTerms } from "./waiting-room.ts";

export type Rules = {
  readonly fallback: ReadonlyMap<string, FallbackMode>;
  readonly throttle: ReadonlyMap<string, Rate>;
  readonly weights: ReadonlyMap<string, Weights>;
  readonly weightsOfAll: Weights | undefined;
  readonly circuits: readonly (GatewayOrder & { readonly kind: "circuit" })[];
  readonly shedLevel: number;
  readonly premiumShare: number;
  readonly room: RoomTerms | null;
};

export const rulesOf = (orders: Iterable<GatewayOrder>): Rules => {
  const fallback = new Map<string, FallbackMode>();
  const throttle = new Map<string, Rate>();
  const weights = new Map<string, Weights>();
  const circuits: (GatewayOrder & { readonly kind: "circuit" })[] = [];
  let weightsOfAll: Weights | undefined;
  let shedLevel = 0;
  let premiumShare = DEFAULT_PREMIUM_SHARE;
  let room: RoomTerms | null = null;
  for (const order of orders)
    switch (order.kind) {
      case "circuit":
        circuits.push(order);
        break;
      case "fallback":
        fallback.set(order.service, order.mode);
        break;
      case "throttle":
        if (order.ratePerS !== null)
          throttle.set(order.service, { ratePerS: order.ratePerS, burst: order.burst });
        break;
      case "route":
        if (order.weights === null) break;
        if (order.service === null) weightsOfAll = order.weights;
        else weights.set(order.service, order.weights);
        break;
      case "shed":
        shedLevel = order.level;
        break;
      case "premium":
        premiumShare = order.share;
        break;
      case "queue":
        if (order.maxActive !== null)
          room = { maxActive: order.maxActive, perMinute: order.perMinute };
        break;
    }
  return { fallback, throttle, weights, weightsOfAll, circuits, shedLevel, premiumShare, room };
};
