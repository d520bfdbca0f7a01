/**
 * Who is signed in.
 *
 * Shape:  `asking` while the server has not answered, `in` with the principal, `out` when it said
 *         401. Any later 401 of any call ends the session here too.
 */
import { createContext, useContext } from "react";
import type { Principal } from "../../../src/contract/session.ts";

export type Session = {
  readonly state: "asking" | "in" | "out";
  readonly principal: Principal | undefined;
  readonly enter: (principal: Principal) => void;
  readonly signOut: () => Promise<void>;
};

export const SessionContext = createContext<Session>({
  state: "asking",
  principal: undefined,
  enter: () => undefined,
  signOut: () => Promise.resolve(),
});

export const useSession = (): Session => useContext(SessionContext);
