/**
 * The source as the architecture sees it: files, what each imports, and which of the world's
 * doors (clock, dice, network, process) it uses by a global name.
 *
 * Shape:  `to` of an import is a path from the root ("src/kernel/result.ts"), a package ("zod")
 *         or a Node module ("node:fs"). `typeOnly` is what leaves nothing behind at run time: with
 *         verbatimModuleSyntax that is `import type`, and not `import { type A }`.
 * Errors: throws on a file that does not parse.
 */
import { readFileSync, globSync } from "node:fs";
import path from "node:path";
import { parseSync } from "vite";

export type Import = { readonly to: string; readonly raw: string; readonly typeOnly: boolean };
export type SourceFile = {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** As written, each once: "Date.now", "fetch", "new Date()". */
  readonly globals: readonly string[];
  /** Every string and template, without what is filled in. */
  readonly strings: readonly string[];
};
export type Tree = ReadonlyMap<string, SourceFile>;

const SOURCES = [
  "{src,fleet,test,sim,bench}/**/*.ts",
  "ui/**/*.{ts,tsx}",
  "bin/*.mjs",
  "*.config.ts",
] as const;

export const readTree = (root: string): Tree => {
  const exclude = (name: string): boolean => name === "node_modules" || name === "dist";
  const paths = globSync([...SOURCES], { cwd: root, exclude }).map((name) =>
    name.split(path.sep).join("/"),
  );
  return treeOf(paths.map((name) => [name, readFileSync(path.join(root, name), "utf8")]));
};

export const treeOf = (files: Iterable<readonly [path: string, text: string]>): Tree =>
  new Map([...files].map(([name, text]) => [name, parseFile(name, text)]));

type Node = { readonly type: string; readonly [key: string]: unknown };
type Found = { imports: Import[]; globals: Set<string>; strings: string[] };

const parseFile = (name: string, text: string): SourceFile => {
  const lang = name.endsWith(".tsx") ? "tsx" : "ts";
  const { program, errors } = parseSync(name, text, { lang });
  if (errors.length > 0) throw new Error(`${name} does not parse: ${errors[0]?.message}`);
  const found: Found = { imports: [], globals: new Set(), strings: [] };
  walk(program as unknown as Node, new Set(), name, found);
  return { path: name, text, ...found, globals: [...found.globals] };
};

/** `bound` holds the names declared around the node: those are not the world's. */
const walk = (node: Node, bound: ReadonlySet<string>, file: string, found: Found): void => {
  noteImport(node, file, found);
  if (node.type === "Literal" && typeof node.value === "string") found.strings.push(node.value);
  if (node.type === "TemplateLiteral") {
    const parts = node.quasis as readonly { value: { cooked: string | null } }[];
    found.strings.push(parts.map(({ value }) => value.cooked ?? "").join("…"));
  }
  noteGlobal(node, bound, found);
  const inner = new Set([...bound, ...declaredBy(node)]);
  for (const [key, value] of Object.entries(node)) {
    if (isName(node, key)) continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) walk(child, inner, file, found);
  }
};

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** An identifier that only names a property, a label or a type is no use of a global. */
const isName = (node: Node, key: string): boolean => {
  if (key === "label") return true;
  if (node.type === "TSTypeReference" || node.type === "TSTypeQuery")
    return key !== "typeArguments";
  if (node.type.startsWith("Import") || node.type === "ExportSpecifier") return true;
  return node.computed !== true && (key === "property" || key === "key");
};

const noteImport = (node: Node, file: string, found: Found): void => {
  const source = sourceOf(node);
  if (source === undefined) return;
  const typeOnly =
    node.importKind === "type" || node.exportKind === "type" || node.type === "TSImportType";
  found.imports.push({ to: resolved(file, source), raw: source, typeOnly });
};

const sourceOf = (node: Node): string | undefined => {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return textOf(node.source);
    case "NewExpression": {
      // A worker is part of its process: `new Worker(new URL("./x.ts", import.meta.url))`.
      if ((node.callee as Node).name !== "Worker") return undefined;
      const [address] = node.arguments as readonly Node[];
      return address?.type === "NewExpression"
        ? textOf((address.arguments as readonly Node[])[0])
        : undefined;
    }
    default:
      return undefined;
  }
};

const textOf = (node: unknown): string | undefined =>
  isNode(node) && typeof node.value === "string" ? node.value : undefined;

const resolved = (file: string, source: string): string => {
  if (source.startsWith(".")) return path.posix.join(path.posix.dirname(file), source);
  if (source.startsWith("#src/")) return source.slice(1);
  if (source.startsWith("node:")) return source;
  const parts = source.split("/");
  return parts.slice(0, source.startsWith("@") ? 2 : 1).join("/");
};

const WORLD = new Set([
  ...["performance", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"],
  ...["process", "Buffer", "crypto", "console", "WebSocket", "EventSource", "XMLHttpRequest"],
  ...["globalThis", "window", "document", "navigator", "localStorage", "require"],
]);
const WORLD_MEMBERS = new Set(["Date.now", "Math.random", "AbortSignal.timeout", "Temporal.Now"]);

const noteGlobal = (node: Node, bound: ReadonlySet<string>, found: Found): void => {
  if (node.type === "Identifier") {
    const name = node.name as string;
    if (WORLD.has(name) && !bound.has(name)) found.globals.add(name);
  }
  if (node.type === "MemberExpression") {
    const name = `${String((node.object as Node).name)}.${String((node.property as Node).name)}`;
    if (WORLD_MEMBERS.has(name)) found.globals.add(name);
  }
  if (node.type === "NewExpression" || node.type === "CallExpression") {
    const isNow =
      node.type === "CallExpression" || (node.arguments as readonly Node[]).length === 0;
    if ((node.callee as Node).name === "Date" && isNow) found.globals.add("new Date()");
  }
};

const declaredBy = (node: Node): readonly string[] => {
  const heads = [node.id, node.param, ...list(node.params)];
  const statements = [...list(node.body), node.init, node.left];
  return [...heads, ...statements.flatMap(namesIn)].flatMap(patternNames);
};

const namesIn = (statement: unknown): readonly unknown[] => {
  if (!isNode(statement)) return [];
  if (statement.type === "ImportDeclaration")
    return list(statement.specifiers).map((one) => (one as Node).local);
  if (statement.type.startsWith("Export")) return namesIn(statement.declaration);
  if (statement.type === "VariableDeclaration")
    return list(statement.declarations).map((one) => (one as Node).id);
  return statement.type.endsWith("Declaration") ? [statement.id] : [];
};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const patternNames = (pattern: unknown): readonly string[] => {
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name as string];
    case "ObjectPattern":
      return list(pattern.properties).flatMap((one) =>
        patternNames((one as Node).value ?? (one as Node).argument),
      );
    case "ArrayPattern":
      return list(pattern.elements).flatMap(patternNames);
    case "AssignmentPattern":
      return patternNames(pattern.left);
    case "RestElement":
      return patternNames(pattern.argument);
    default:
      return [];
  }
};
