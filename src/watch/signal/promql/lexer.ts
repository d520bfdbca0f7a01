/**
 * PromQL text to tokens.
 *
 * Shape:  numbers carry their value in seconds or as written; strings carry their content.
 * Errors: `ParseError` at the character that cannot start or continue a token.
 * Source: a duration is a number of seconds ("5m" is 300) and a number may carry underscores;
 *         string escapes are Go's.
 */
import { ParseError } from "./fault.ts";

export type Token = {
  readonly kind: "number" | "string" | "identifier" | "symbol" | "end";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of a number. */
  readonly value: number;
  /** Was the number written as a duration? */
  readonly duration: boolean;
};

const SPACE_OR_COMMENT = /(?:\s+|#[^\n]*)+/y;
const IDENTIFIER = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const HEX = /0[xX][0-9a-fA-F_]+/y;
const DURATION =
  /(?=\d)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?/y;
const DECIMAL = /(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?/y;
const SYMBOL = /==|!=|>=|<=|=~|!~|[-+*/%^=<>(){}[\],@:]/y;
const WORD = /[a-zA-Z0-9_]/;

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
const UNIT_MS = [365 * DAY_MS, 7 * DAY_MS, DAY_MS, 3_600_000, 60_000, SECOND_MS, 1];

const MAX_QUERY_LENGTH = 65_536;

export const tokenize = (text: string): Token[] => {
  if (text.length > MAX_QUERY_LENGTH) {
    const message = `the query has ${text.length} characters, at most ${MAX_QUERY_LENGTH}`;
    throw new ParseError(message, MAX_QUERY_LENGTH);
  }
  const tokens: Token[] = [];
  let brackets = 0;
  let at = skip(text, 0);
  while (at < text.length) {
    const token = next(text, at, brackets > 0);
    if (isSymbol(token, "[")) brackets++;
    if (isSymbol(token, "]")) brackets--;
    tokens.push(token);
    at = skip(text, token.end);
  }
  tokens.push({ ...NO_VALUE, kind: "end", text: "", start: text.length, end: text.length });
  return tokens;
};

/** Not the text alone: a quoted "]" is a string. */
export const isSymbol = ({ kind, text }: Token, symbol: string): boolean =>
  kind === "symbol" && text === symbol;

const NO_VALUE = { value: 0, duration: false };

const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at;
  return pattern.exec(text);
};

const skip = (text: string, at: number): number =>
  at + (matchAt(SPACE_OR_COMMENT, text, at)?.[0].length ?? 0);

const next = (text: string, start: number, inBrackets: boolean): Token => {
  const char = text[start]!;
  if (char === '"' || char === "'" || char === "`") return string(text, start);
  if (/[0-9]/.test(char) || (char === "." && /[0-9]/.test(text[start + 1] ?? ""))) {
    return number(text, start);
  }
  // In brackets a colon separates range and step; elsewhere it belongs to a metric name.
  const word = matchAt(inBrackets ? IDENTIFIER : METRIC, text, start)?.[0];
  if (word !== undefined) {
    return { ...NO_VALUE, kind: "identifier", text: word, start, end: start + word.length };
  }
  const symbol = matchAt(SYMBOL, text, start)?.[0];
  if (symbol !== undefined) {
    return { ...NO_VALUE, kind: "symbol", text: symbol, start, end: start + symbol.length };
  }
  throw new ParseError(`unexpected character: ${JSON.stringify(char)}`, start);
};

const number = (text: string, start: number): Token => {
  const hex = matchAt(HEX, text, start)?.[0];
  const duration = matchAt(DURATION, text, start);
  const decimal = matchAt(DECIMAL, text, start)?.[0];
  const isDuration = hex === undefined && (duration?.[0].length ?? 0) > 0;
  const written = hex ?? (isDuration ? duration![0] : (decimal ?? ""));
  const end = start + written.length;
  if (written === "" || WORD.test(text[end] ?? "")) {
    const whole = /[\w.]*/y;
    const shown = matchAt(whole, text, start)?.[0] ?? "";
    throw new ParseError(`bad number or duration syntax: ${JSON.stringify(shown)}`, start);
  }
  const value = isDuration ? secondsOf(duration!) : Number(written.replaceAll("_", ""));
  return { kind: "number", text: written, start, end, value, duration: isDuration };
};

const secondsOf = (match: RegExpExecArray): number =>
  UNIT_MS.reduce((sum, unitMs, i) => sum + Number(match[i + 1] ?? 0) * unitMs, 0) / SECOND_MS;

const string = (text: string, start: number): Token => {
  const quote = text[start]!;
  const bytes: number[] = [];
  let at = start + 1;
  let content = "";
  const flush = (): void => {
    if (bytes.length > 0) content += new TextDecoder().decode(Uint8Array.from(bytes));
    bytes.length = 0;
  };
  while (text[at] !== quote) {
    const char = text[at];
    if (char === undefined) throw new ParseError("unterminated quoted string", start);
    if (char === "\n" && quote !== "`") throw new ParseError("unterminated quoted string", start);
    if (char === "\\" && quote !== "`") {
      const escape = readEscape(text, at, quote);
      at = escape.end;
      if (escape.byte === undefined) {
        flush();
        content += escape.text;
      } else {
        bytes.push(escape.byte);
      }
    } else {
      flush();
      content += char;
      at++;
    }
  }
  flush();
  return { ...NO_VALUE, kind: "string", text: content, start, end: at + 1 };
};

type Escape = { readonly text: string; readonly byte?: number; readonly end: number };
const SIMPLE: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};
const HEX_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;
const OCTAL_ESCAPE = /\\([0-7]{3})/y;
const MAX_CODE_POINT = 0x10ffff;

/** `\x` and octal escapes are bytes: several of them may make one character. */
const readEscape = (text: string, at: number, quote: string): Escape => {
  const letter = text[at + 1] ?? "";
  const simple = letter === quote ? quote : SIMPLE[letter];
  if (simple !== undefined) return { text: simple, end: at + 2 };
  const octal = matchAt(OCTAL_ESCAPE, text, at);
  if (octal !== null && Number.parseInt(octal[1]!, 8) < 256) {
    return { text: "", byte: Number.parseInt(octal[1]!, 8), end: at + 4 };
  }
  const hex = matchAt(HEX_ESCAPE, text, at);
  if (hex?.[1] !== undefined) return { text: "", byte: Number.parseInt(hex[1], 16), end: at + 4 };
  const code = Number.parseInt(hex?.[2] ?? hex?.[3] ?? "", 16);
  const surrogate = code >= 0xd800 && code < 0xe000;
  if (hex !== null && code <= MAX_CODE_POINT && !surrogate) {
    return { text: String.fromCodePoint(code), end: at + hex[0].length };
  }
  throw new ParseError(`unknown escape sequence in string: \\${letter}`, at);
};
