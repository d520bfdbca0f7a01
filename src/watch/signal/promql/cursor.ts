/**
 * A place in a list of tokens, and the small steps a parser takes there.
 *
 * Errors: `expect` and its kin throw a `ParseError` at the token that disappoints.
 */
import { ParseError } from "./fault.ts";
import { isSymbol, type Token } from "./lexer.ts";

export type Cursor = {
  readonly tokens: readonly Token[];
  at: number;
  /** How deep the parser is; it stops before the stack does. */
  depth: number;
};

export const newCursor = (tokens: readonly Token[]): Cursor => ({ tokens, at: 0, depth: 0 });

export const peek = (cursor: Cursor, ahead = 0): Token =>
  cursor.tokens[Math.min(cursor.at + ahead, cursor.tokens.length - 1)]!;

export const take = (cursor: Cursor): Token => {
  const token = peek(cursor);
  if (token.kind !== "end") cursor.at++;
  return token;
};

export const takeIf = (cursor: Cursor, symbol: string): boolean => {
  const token = peek(cursor);
  if (!isSymbol(token, symbol)) return false;
  cursor.at++;
  return true;
};

export const expect = (cursor: Cursor, symbol: string): Token => {
  const token = peek(cursor);
  if (!isSymbol(token, symbol)) throw unexpected(cursor, `"${symbol}"`);
  return take(cursor);
};

export const isWord = (token: Token, word: string): boolean =>
  token.kind === "identifier" && token.text.toLowerCase() === word;

export const takeWord = (cursor: Cursor, word: string): boolean => {
  if (!isWord(peek(cursor), word)) return false;
  cursor.at++;
  return true;
};

export const unexpected = (cursor: Cursor, wanted?: string): ParseError => {
  const token = peek(cursor);
  const shown = token.kind === "end" ? "end of input" : JSON.stringify(token.text);
  const message =
    wanted === undefined ? `unexpected ${shown}` : `unexpected ${shown}, expected ${wanted}`;
  return new ParseError(message, token.start);
};

/** A label's name, plain or quoted. */
export const labelName = (cursor: Cursor): string => {
  const token = peek(cursor);
  const plain = token.kind === "identifier" && !token.text.includes(":");
  if (!plain && (token.kind !== "string" || !isLabelName(token.text))) {
    throw unexpected(cursor, "a label name");
  }
  take(cursor);
  return token.text;
};

/** Any text is a label's name, unless it is empty or was not valid UTF-8. */
export const isLabelName = (text: string): boolean => text !== "" && !text.includes("\ufffd");

/** `(a, b, "c.d")`; a trailing comma is allowed. */
export const labelNames = (cursor: Cursor): string[] => {
  expect(cursor, "(");
  const names: string[] = [];
  while (!takeIf(cursor, ")")) {
    names.push(labelName(cursor));
    if (takeIf(cursor, ",")) continue;
    expect(cursor, ")");
    break;
  }
  return names;
};
