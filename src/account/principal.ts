/**
 * Who is calling: an account's session, a session opened with a sign-in code, or an API token.
 *
 * Shape: `id` is what the ledger calls him (`account:…`, `session:…`, `token:…`); it holds no name.
 */
export const ROLES = ["viewer", "operator", "approver", "admin", "ingest"] as const;
export type Role = (typeof ROLES)[number];
export type HumanRole = Exclude<Role, "ingest">;

export type Principal = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly via: "session" | "token";
};

/** Whoever asks for a change: a principal, or the system itself. */
export type Actor = Pick<Principal, "id" | "role">;
export const SYSTEM: Actor = { id: "system:hub", role: "admin" };
