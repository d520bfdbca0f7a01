/** React's view of the live data. */
import { createContext, useCallback, useContext, useSyncExternalStore } from "react";
import type { Api } from "../api/client.ts";
import type { Link, Live } from "./live.ts";
import type { Slot, Topic, TopicMap } from "./state.ts";

export const LiveContext = createContext<Live | undefined>(undefined);
export const ApiContext = createContext<Api | undefined>(undefined);

const required = <T,>(value: T | undefined): T => {
  if (value === undefined) throw new Error("used outside of the signed-in page");
  return value;
};

export const useApi = (): Api => required(useContext(ApiContext));
const useLive = (): Live => required(useContext(LiveContext));

export const useSlot = <K extends Topic>(topic: K): Slot<TopicMap[K]> => {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, () => live.slots()[topic]);
};

export const useLink = (): Link => {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, live.link);
};

export const useReload = (topic: Topic): (() => void) => {
  const live = useLive();
  return useCallback(() => void live.load(topic), [live, topic]);
};
