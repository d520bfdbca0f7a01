/**
 * The text of a plan as a YAML document whose every value knows its line and column.
 *
 * Limits: MAX_PLAN_BYTES of text, MAX_DEPTH levels, MAX_ALIASES aliases, MAX_NODES values once
 *         aliases are expanded; one document, YAML 1.2 core types, no tags of anybody's own.
 * Errors: every problem of the text at once, as `{ line, column, path, message }`. Depth is checked
 *         while the text is tokenised, so nothing recurses into what is too deep.
 */
import {
  Composer,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type Document,
  type Node,
} from "yaml";
import { err, ok, type Result } from "../../kernel/result.ts";

export const MAX_PLAN_BYTES = 1_048_576;
export const MAX_DEPTH = 32;
export const MAX_ALIASES = 1_000;
export const MAX_NODES = 100_000;
/** Beyond this many problems a reader starts again from the top. */
const MAX_SYNTAX_PROBLEMS = 50;

export type Path = readonly (string | number)[];
export type Place = { readonly line: number; readonly column: number };
export type Fault = Place & { readonly path: Path; readonly message: string };

export type PlanDocument = {
  readonly text: string;
  /** The plain value, as JSON would hold it. */
  readonly value: unknown;
  /** Where a value stands; where it is absent, where its parent stands. */
  readonly place: (path: Path) => Place;
  /** Where a key stands. */
  readonly keyPlace: (path: Path) => Place;
  /** The source range of a scalar, aliases followed; for edits that keep everything else. */
  readonly range: (path: Path) => readonly [start: number, end: number] | undefined;
  /** From the start of a key of the top level to the end of its value. */
  readonly keyRange: (key: string) => readonly [start: number, end: number] | undefined;
  /** Whether the top level is written as `{ … }`, as JSON is. */
  readonly flow: boolean;
};

export const readDocument = (text: string): Result<PlanDocument, readonly Fault[]> => {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_PLAN_BYTES) {
    const message = `the plan has ${bytes} bytes; allowed: at most ${MAX_PLAN_BYTES}`;
    return err([{ line: 1, column: 1, path: [], message }]);
  }
  const lines = new LineCounter();
  const composed = compose(text, lines);
  if (!composed.ok) return composed;
  const doc = composed.value;
  const faults = [...syntaxFaults(doc, text, lines), ...expansionFaults(doc, lines)];
  if (faults.length > 0) return err(faults);
  return ok(located(doc, text, lines));
};

const placeAt = (lines: LineCounter, offset: number): Place => {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
};

/** The collections the parser is inside of. */
const collections = (parser: Parser): number =>
  parser.stack.filter(
    ({ type }) => type === "block-map" || type === "block-seq" || type === "flow-collection",
  ).length;

const compose = (text: string, lines: LineCounter): Result<Document.Parsed, readonly Fault[]> => {
  const parser = new Parser(lines.addNewLine);
  // `Parser.parse` would say that the first line starts at 0; fed token by token, it does not.
  lines.addNewLine(0);
  const tokens = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH && collections(parser) > MAX_DEPTH) {
      const at = placeAt(lines, parser.offset);
      return err([{ ...at, path: [], message: `nested too deep; allowed: ${MAX_DEPTH} levels` }]);
    }
  }
  tokens.push(...parser.end());
  const composer = new Composer({ schema: "core", merge: false, uniqueKeys: true, strict: true });
  const documents = [...composer.compose(tokens, true, text.length)];
  const [doc] = documents;
  if (doc === undefined) throw new Error("the composer gives one document when it is forced to");
  if (documents.length > 1) {
    const at = placeAt(lines, documents[1]?.range[0] ?? 0);
    return err([{ ...at, path: [], message: "a second document; allowed: one plan a file" }]);
  }
  return ok(doc);
};

const syntaxFaults = (doc: Document.Parsed, text: string, lines: LineCounter): Fault[] => {
  // An unknown tag is only a warning to the library: the value would silently stay text.
  const faults = [...doc.errors, ...doc.warnings]
    .slice(0, MAX_SYNTAX_PROBLEMS)
    .map((fault): Fault => {
      const source = text.slice(fault.pos[0], fault.pos[1]).split("\n")[0] ?? "";
      const message =
        fault.code === "DUPLICATE_KEY"
          ? `the key ${/^[^\s:]*/.exec(text.slice(fault.pos[0]))?.[0] ?? ""} stands twice`
          : fault.code === "TAG_RESOLVE_FAILED"
            ? `the tag ${source.trim()} is not known; allowed: plain YAML, no tags`
            : `not readable as YAML: ${fault.message}`;
      const { line, column } = placeAt(lines, fault.pos[0]);
      return { line, column, path: [], message };
    });
  const version = doc.directives.yaml;
  if (version.explicit === true && version.version !== "1.2") {
    const message = `YAML ${version.version} is asked for; allowed: YAML 1.2`;
    faults.push({ line: 1, column: 1, path: [], message });
  }
  return faults;
};

type Size = { readonly nodes: number; readonly depth: number };

/** How large the document is once each alias stands for what it names; anchors are sized once. */
const expansionFaults = (doc: Document.Parsed, lines: LineCounter): Fault[] => {
  const sizes = new Map<Node, Size>();
  const open = new Set<Node>();
  const faults: Fault[] = [];
  let aliases = 0;
  const fault = (node: Node, message: string): Size => {
    faults.push({ ...placeAt(lines, node.range?.[0] ?? 0), path: [], message });
    return { nodes: 1, depth: 1 };
  };
  const sizeOf = (node: Node): Size => {
    const known = sizes.get(node);
    if (known !== undefined) return known;
    const size = measure(node);
    sizes.set(node, size);
    return size;
  };
  const measure = (node: Node): Size => {
    if (isAlias(node)) {
      aliases += 1;
      const target = node.resolve(doc);
      if (target === undefined) return fault(node, `the alias *${node.source} names no anchor`);
      if (open.has(target)) return fault(node, `the alias *${node.source} stands inside itself`);
      return sizeOf(target);
    }
    open.add(node);
    let nodes = 1;
    let depth = 0;
    for (const child of childrenOf(node)) {
      const size = sizeOf(child);
      nodes += size.nodes;
      depth = Math.max(depth, size.depth);
    }
    open.delete(node);
    return { nodes, depth: isCollection(node) ? depth + 1 : 0 };
  };
  if (doc.contents === null) return faults;
  const whole = sizeOf(doc.contents);
  if (aliases > MAX_ALIASES) {
    fault(doc.contents, `${aliases} aliases; allowed: at most ${MAX_ALIASES}`);
  }
  if (whole.nodes > MAX_NODES) {
    const message = `aliases expand to ${whole.nodes} values; allowed: at most ${MAX_NODES}`;
    fault(doc.contents, message);
  }
  if (whole.depth > MAX_DEPTH) {
    fault(doc.contents, `nested too deep with aliases; allowed: ${MAX_DEPTH} levels`);
  }
  return faults;
};

const childrenOf = (node: Node): Node[] => {
  if (isSeq<Node>(node)) return node.items;
  if (!isMap<Node, Node | null>(node)) return [];
  return node.items.flatMap(({ key, value }) => (value === null ? [key] : [key, value]));
};

const pairOf = (node: unknown, key: string | number) =>
  isMap<Node, Node | null>(node)
    ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
    : undefined;

const childOf = (node: unknown, key: string | number): unknown =>
  isSeq(node) && typeof key === "number" ? node.items[key] : pairOf(node, key)?.value;

const startOf = (node: unknown): number | undefined =>
  typeof node === "object" && node !== null && "range" in node
    ? (node as Node).range?.[0]
    : undefined;

const located = (doc: Document.Parsed, text: string, lines: LineCounter): PlanDocument => {
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(doc) : node);
  /** The deepest node on the way, and whether the whole way exists. */
  const walk = (path: Path): { node: unknown; whole: boolean } => {
    let node: unknown = resolve(doc.contents);
    for (const key of path) {
      const next = resolve(childOf(node, key));
      if (next === undefined || next === null) return { node, whole: false };
      node = next;
    }
    return { node, whole: true };
  };
  const place = (path: Path): Place => placeAt(lines, startOf(walk(path).node) ?? 0);
  return {
    text,
    value: doc.toJS({ maxAliasCount: -1 }),
    place,
    keyPlace: (path) => {
      const parent = walk(path.slice(0, -1));
      const pair = pairOf(parent.node, path.at(-1) ?? "");
      return placeAt(lines, startOf(pair?.key) ?? startOf(parent.node) ?? 0);
    },
    range: (path) => {
      const { node, whole } = walk(path);
      if (!whole || !isScalar(node) || !node.range) return undefined;
      return [node.range[0], node.range[1]];
    },
    keyRange: (key) => {
      const pair = pairOf(doc.contents, key);
      const start = startOf(pair?.key);
      const end = pair?.value?.range?.[1];
      return start === undefined || end === undefined ? undefined : [start, end];
    },
    flow: isMap(doc.contents) && doc.contents.flow === true,
  };
};
