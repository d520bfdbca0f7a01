/** `novaevo token` and `novaevo code`: who may call, and a way back in. */
import { ROLES, type Role } from "../../contract/route.ts";
import type { Token } from "../../contract/session.ts";
import { addressOf, ask } from "./api.ts";
import { API_FLAGS } from "./api-flags.ts";
import type { Command } from "./action.ts";
import { configOf } from "./command.ts";
import { Misuse, oneOf, wholeNumber } from "./parse.ts";
import { table } from "./text.ts";

const MAX_DAYS = 3_650;

export const token: Command = {
  summary: "API tokens: create, list, revoke",
  verbs: {
    create: {
      summary: "Create a token; its secret is shown once",
      words: ["NAME"],
      flags: {
        role: { value: ROLES.join("|"), says: "what it may do; needed" },
        days: {
          value: "N",
          says: `expires after so many days, 1 to ${MAX_DAYS}; never if not given`,
        },
        ...API_FLAGS,
      },
      notes: ["Prints the secret alone on stdout, so that it can go into a file (umask 077)."],
      run: async (asked) => {
        const [name = ""] = asked.words;
        const role = oneOf<Role>(asked.flags, "role", ROLES);
        if (role === undefined) throw new Misuse(`--role is missing: one of ${ROLES.join(", ")}`);
        const expiresInDays = wholeNumber(asked.flags, "days", { min: 1, max: MAX_DAYS });
        const body = { name, role, ...(expiresInDays === undefined ? {} : { expiresInDays }) };
        return ask(asked, "POST tokens", { body }, ({ secret }) => [secret]);
      },
    },
    list: {
      summary: "Tokens that were not revoked",
      flags: API_FLAGS,
      run: (asked) => ask(asked, "GET tokens", {}, ({ items }) => tokenTable(items)),
    },
    revoke: {
      summary: "Revoke a token",
      words: ["ID"],
      flags: API_FLAGS,
      run: (asked) => {
        const [id = ""] = asked.words;
        return ask(asked, "DELETE token", { params: { id } }, () => [`revoked ${id}`]);
      },
    },
  },
};

export const code: Command = {
  action: {
    summary: "A fresh code to sign in with: single use, good for ten minutes",
    flags: API_FLAGS,
    notes: ["Needs a token with the role admin: the one of this installation will do."],
    run: async (asked) => {
      const base = addressOf(asked, await configOf(asked));
      // In the fragment, which a browser keeps to itself: no server or proxy logs it.
      return ask(asked, "POST signInCodes", {}, (issued) => [
        `${base}/#code=${issued.code}`,
        `single use, until ${issued.expiresAt}`,
      ]);
    },
  },
};

const tokenTable = (items: readonly Token[]): readonly string[] =>
  table(
    ["ID", "NAME", "ROLE", "CREATED", "EXPIRES", "LAST USED"],
    items.map((one) => [
      one.id,
      one.name,
      one.role,
      one.createdAt,
      one.expiresAt ?? "never",
      one.lastUsedAt ?? "never",
    ]),
  );
