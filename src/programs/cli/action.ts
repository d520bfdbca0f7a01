/** What a command is: actions with words and flags, and what an action is given when it runs. */
import type { Problem } from "../../kernel/result.ts";
import type { Flags, ParsedFlags } from "./parse.ts";

export type Asked = {
  readonly words: readonly string[];
  readonly flags: ParsedFlags;
  readonly json: boolean;
  readonly out: (text: string) => void;
  /** For people, or the whole as JSON where that was asked for. */
  readonly show: (json: unknown, lines: () => readonly string[]) => void;
  /** Says why, and answers the exit code. */
  readonly fail: (problem: string | Problem) => number;
};

export type Action = {
  readonly summary: string;
  /** "ID" is needed, "[FILE]" is not. */
  readonly words?: readonly string[];
  readonly flags?: Flags;
  /** Lines under the flags: what an answer or an exit code means here. */
  readonly notes?: readonly string[];
  readonly run: (asked: Asked) => Promise<number>;
};

export type Command =
  | { readonly action: Action }
  | { readonly summary: string; readonly verbs: Readonly<Record<string, Action>> };
