/**
 * The words, numbers and signs of a PromQL expression, for what only looks at its shape.
 *
 * Errors: undefined where a character fits nothing, or where there are too many of them.
 */
export type Token = { readonly kind: "word" | "number" | "text" | "sign"; readonly text: string };

const MAX_TOKENS = 4_000;
const TOKEN =
  /\s+|#[^\n]*|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?<number>(?:\d[\w.]*(?:(?<=[eE])[+-]\d+)?)|\.\d+|(?:[iI]nf|[nN]a[nN])\b)|(?<word>[a-zA-Z_:][\w:]*)|(?<sign>==|!=|=~|!~|<=|>=|[-+*/%^<>=(){}[\],@:])/uy;

export const readTokens = (expr: string): readonly Token[] | undefined => {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < expr.length; at = TOKEN.lastIndex) {
    const groups = TOKEN.exec(expr)?.groups;
    if (groups === undefined || tokens.length > MAX_TOKENS) return undefined;
    for (const kind of ["text", "number", "word", "sign"] as const) {
      const text = groups[kind];
      if (text !== undefined) tokens.push({ kind, text });
    }
  }
  return tokens;
};

const CLOSES: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** The place after the bracket that closes the one at `from`; the end where none does. */
export const ends = (tokens: readonly Token[], from: number): number => {
  const open = tokens[from]?.text ?? "";
  const close = CLOSES[open];
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token?.kind !== "sign") continue;
    if (token.text === open) depth += 1;
    if (token.text === close) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
};
