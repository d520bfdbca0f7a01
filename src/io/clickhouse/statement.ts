/**
 * What kind of statement a ClickHouse text is, and where the data of an INSERT begins.
 *
 * Shape:  "read" may run beside other reads, "write" runs alone, "session" (SET, USE) has no
 *         effect over HTTP without a session. An INSERT with a FORMAT other than Values carries
 *         data after its head: `head` is the text without the FORMAT clause.
 * Errors: none; a text nobody understands is a "write", and the engine says what is wrong with it.
 * Source: ClickHouse's documentation of INSERT INTO and of comments in its syntax.
 */
export type Statement =
  | { readonly kind: "read" | "write" | "session" }
  | {
      readonly kind: "insert";
      /** `INSERT INTO t (a, b) SETTINGS x = 1`: ready for a `SELECT … FROM file(…)`. */
      readonly head: string;
      readonly format: string;
      /** Offset of the first character of inline data; the text's length if there is none. */
      readonly dataAt: number;
    };

const READS = new Set(["select", "with", "show", "describe", "desc", "exists", "explain", "check"]);
const SESSION = new Set(["set", "use"]);
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Clauses that turn an INSERT into a statement without data after it. */
const NO_DATA = new Set(["values", "select", "with", "from", "watch"]);

export const classify = (text: string): Statement => {
  let at = skipBlank(text, 0);
  // A parenthesised SELECT is a read as well.
  while (text[at] === "(") at = skipBlank(text, at + 1);
  const first = wordAt(text, at);
  if (READS.has(first)) return { kind: "read" };
  if (SESSION.has(first)) return { kind: "session" };
  return first === "insert" ? insertOf(text, at) : { kind: "write" };
};

const insertOf = (text: string, start: number): Statement => {
  let at = start;
  while (at < text.length) {
    at = skipBlank(text, at);
    const char = text[at];
    if (char === undefined || char === ";") break;
    if (char === "(") at = skipParentheses(text, at);
    else if (isQuote(char)) at = skipQuoted(text, at);
    else {
      const word = wordAt(text, at);
      if (NO_DATA.has(word)) return { kind: "write" };
      if (word === "format") return withFormat(text, start, at);
      at += Math.max(1, word.length);
    }
  }
  return { kind: "write" };
};

const withFormat = (text: string, start: number, formatAt: number): Statement => {
  const nameAt = skipBlank(text, formatAt + "format".length);
  WORD.lastIndex = nameAt;
  const format = WORD.exec(text)?.[0] ?? "";
  if (format === "" || format.toLowerCase() === "values") return { kind: "write" };
  const head = text.slice(start, formatAt).trim();
  return { kind: "insert", head, format, dataAt: dataStart(text, nameAt + format.length) };
};

/** Blanks up to the end of the line belong to the statement; what follows belongs to the data. */
const dataStart = (text: string, from: number): number => {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === ";" || text[at] === "\r") at += 1;
  return text[at] === "\n" ? at + 1 : at;
};

const wordAt = (text: string, at: number): string => {
  WORD.lastIndex = at;
  return (WORD.exec(text)?.[0] ?? "").toLowerCase();
};

const isQuote = (char: string): boolean => char === "'" || char === '"' || char === "`";

const skipBlank = (text: string, from: number): number => {
  let at = from;
  for (;;) {
    while (/\s/.test(text[at] ?? "")) at += 1;
    if (text.startsWith("--", at) || text.startsWith("# ", at) || text.startsWith("#!", at)) {
      const end = text.indexOf("\n", at);
      at = end < 0 ? text.length : end + 1;
    } else if (text.startsWith("/*", at)) {
      const end = text.indexOf("*/", at + 2);
      at = end < 0 ? text.length : end + 2;
    } else return at;
  }
};

const skipQuoted = (text: string, from: number): number => {
  const quote = text[from]!;
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
};

const skipParentheses = (text: string, from: number): number => {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at]!;
    if (isQuote(char)) {
      at = skipQuoted(text, at);
      continue;
    }
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return text.length;
};
