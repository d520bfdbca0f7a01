/** The operations page's tabs over HTTP. */
import type { Serving } from "../../io/http/handlers.ts";
import { ok } from "../../kernel/result.ts";
import { openTabs, type TabDeps } from "./tabs.flow.ts";

export const tabRoutes = (deps: TabDeps): Serving<"GET infrastructure" | "GET application"> => {
  const tabs = openTabs(deps);
  return {
    "GET infrastructure": async () => ok(await tabs.infrastructure()),
    "GET application": async () => ok(await tabs.application()),
  };
};
