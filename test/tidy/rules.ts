/**
 * The architecture as rules over a tree of files: ARCHITECTURE.md and STYLE.md as they fail.
 *
 * Shape:  a rule takes a tree and gives one sentence per breach, "path: what is wrong".
 * Errors: none; an empty list is a tree that keeps the rule.
 */
import type { Import, SourceFile, Tree } from "./tree.ts";

export type Rule = (tree: Tree) => readonly string[];

/** Who may import whom at run time, a folder of `src` a row. Types may also come from `TYPES`. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  contract: ["kernel"],
  io: ["kernel", "contract"],
  ledger: ["kernel", "io"],
  account: ["kernel", "io", "ledger"],
  watch: ["kernel", "io", "ledger"],
  launch: ["kernel", "io", "ledger", "account", "watch"],
  respond: ["kernel", "io", "ledger", "account", "watch", "launch"],
  learn: ["kernel", "io", "ledger", "account", "watch", "launch"],
  programs: [
    ...["kernel", "contract", "io", "ledger", "account", "watch", "launch", "respond", "learn"],
  ],
};
/** A shell answers in the contract's words; the contract may speak of the core's types. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  contract: ["watch", "launch", "respond", "learn"],
  ledger: ["contract"],
  account: ["contract"],
  watch: ["contract"],
  launch: ["contract"],
  respond: ["contract"],
  learn: ["contract"],
};
const CONCEPTS = new Set([
  ...["kernel", "watch", "launch", "respond", "learn", "ledger", "account", "contract"],
]);
/** What serves shells only: a plain file may name its types, and nothing else of it. */
const SHELLS_ONLY = new Set(["io", "ledger", "account"]);

/** Plain files that use a door of the world all the same, and why. */
export const EXCEPTIONS: Readonly<Record<string, readonly [global: string, why: string]>> = {
  "src/contract/client.ts": ["AbortSignal.timeout", "the client is the contract's shell"],
};
/** SQL outside a store, and why. */
export const SQL_EXCEPTIONS: Readonly<Record<string, string>> = {
  "src/watch/signal/store/signal-tables.ts": "ClickHouse's migrations",
  "src/programs/children.ts": "makes the database, before there is one to migrate",
};

export const isTest = (path: string): boolean =>
  /\.test\.tsx?$/.test(path) || /^(?:test|sim|bench)\//.test(path);
const layerOf = (path: string): string => path.split("/")[1] ?? "";
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const isSource = (path: string): boolean => path.startsWith("src/") && !isTest(path);
const isAdapter = (path: string): boolean => path.includes("/adapters/");
const suffixOf = (path: string): string => nameOf(path).split(".").slice(1, -1).join(".");

/** A file that decides: in a concept's folder, no suffix, no adapter. */
export const isPlain = (path: string): boolean =>
  isSource(path) && CONCEPTS.has(layerOf(path)) && !isAdapter(path) && suffixOf(path) === "";

const sources = (tree: Tree): readonly SourceFile[] =>
  [...tree.values()].filter(({ path }) => isSource(path));

export const arrows: Rule = (tree) =>
  sources(tree).flatMap((file) => {
    const from = layerOf(file.path);
    if (VALUES[from] === undefined)
      return [`${file.path}: src/${from} is no folder of the architecture`];
    return file.imports.flatMap(({ to, typeOnly }) => {
      if (!to.startsWith("src/")) return arrowOut(file, to);
      const layer = layerOf(to);
      if (isTest(to)) return [`${file.path}: imports a test, ${to}`];
      if (layer === from) return [];
      if (isPlain(file.path) && layer === "contract") return [`${file.path}: core imports ${to}`];
      const isAllowed = VALUES[from]?.includes(layer) === true;
      if (isAllowed && (typeOnly || !isPlain(file.path) || !SHELLS_ONLY.has(layer))) return [];
      if (typeOnly && TYPES[from]?.includes(layer) && (from !== "contract" || isPlain(to)))
        return [];
      const what = isPlain(file.path) ? "a plain file of src/" : "src/";
      return [`${file.path}: ${what}${from} may not import ${typeOnly ? "types of " : ""}${to}`];
    });
  });

const arrowOut = (file: SourceFile, to: string): readonly string[] =>
  /^(?:ui|test|sim|bench|bin|fleet)\//.test(to) ? [`${file.path}: src imports ${to}`] : [];

/** What the rehearsal's services have of the house: its words, its tools, and no more. */
const OF_THE_HOUSE = /^src\/(?:kernel|io)\/|^src\/respond\/control\/messages\.ts$/;

/**
 * A service is a program of its own: it knows the frame and itself, and calls the others. The
 * double of a partner may use what its service knows of him.
 */
export const fleet: Rule = (tree) =>
  [...tree.values()].filter(isOfFleet).flatMap(({ path, imports }) => {
    const own = path.split("/").slice(0, 2).join("/");
    return imports
      .filter(({ to }) => !isPackage(to) && !to.startsWith("node:"))
      .filter(({ to }) => !to.startsWith(`${own}/`) && !to.startsWith("fleet/frame/"))
      .filter(({ to }) => !OF_THE_HOUSE.test(to))
      .filter(({ to }) => !(own === "fleet/partners" && to.startsWith("fleet/")))
      .map(({ to }) => `${path}: a service may not import ${to}`);
  });

const isOfFleet = ({ path }: SourceFile): boolean => path.startsWith("fleet/") && !isTest(path);

/** Libraries that reach the world; whoever imports one at run time is a shell. */
const WORLDLY_PACKAGES = /^(?:pg|chdb|fastify|@fastify\/.*|@clickhouse\/client|prom-client)$/;

export const plainFiles: Rule = (tree) => {
  const plain = sources(tree).filter(({ path }) => isPlain(path));
  const imports = plain.flatMap((file) =>
    file.imports
      .filter(({ to, typeOnly }) => isShell(to) || (!typeOnly && isWorldly(to)))
      .map(({ to }) => `${file.path}: a plain file imports ${to}`),
  );
  const globals = plain.flatMap((file) =>
    file.globals
      .filter((name) => EXCEPTIONS[file.path]?.[0] !== name)
      .map((name) => `${file.path}: a plain file uses ${name}`),
  );
  return [...imports, ...globals];
};

const isWorldly = (to: string): boolean => to.startsWith("node:") || WORLDLY_PACKAGES.test(to);
/** Shell → core, never back: not even a shell's type. */
const isShell = (to: string): boolean =>
  to.startsWith("src/") && (isAdapter(to) || suffixOf(to) !== "");

const BAGS = /^(?:utils?|helpers?|common|misc|managers?|shared)\.ts$/;

export const names: Rule = (tree) =>
  sources(tree).flatMap(({ path }) => {
    const name = nameOf(path);
    if (BAGS.test(name)) return [`${path}: "${name}" is a bag, name the concept`];
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:store|flow|routes))?\.ts$/.test(name))
      return [`${path}: a name is words-with-hyphens, then .store, .flow, .routes or nothing`];
    return [];
  });

/** Statements as this code writes them: the verb in capitals at the start of a string. */
const SQL =
  /^\s*(?:SELECT|INSERT INTO|UPDATE \w+ SET|UPDATE \w+$|DELETE FROM|CREATE \w+|ALTER \w+|DROP \w+|TRUNCATE|WITH \w+|LOCK TABLE)\b/;
export const hasSql = ({ strings }: SourceFile): boolean => strings.some((text) => SQL.test(text));

export const sqlInStores: Rule = (tree) =>
  sources(tree).flatMap((file) => {
    const { path } = file;
    if (suffixOf(path) === "store")
      return hasSql(file) ? [] : [`${path}: a store without SQL is no store`];
    const isEngine = /^src\/io\/(?:postgres|clickhouse)\//.test(path);
    if (isEngine || isAdapter(path) || SQL_EXCEPTIONS[path] !== undefined) return [];
    return hasSql(file) ? [`${path}: SQL outside a .store`] : [];
  });

const ASSET = /\.(?:css|svg|json|po|woff2)$/;

/** Node runs the files as they are: an import names a file, with its ending. */
export const realFiles: Rule = (tree) =>
  [...tree.values()].flatMap((file) =>
    file.imports.flatMap(({ to, raw }) => {
      const isFile = raw.startsWith(".") || raw.startsWith("#");
      if (!isFile || tree.has(to) || ASSET.test(to)) return [];
      return [`${file.path}: "${raw}" is no file of the tree`];
    }),
  );

/** Also over types: two files that need each other to be understood are one. */
export const noCycles: Rule = (tree) => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push(`${path}: a cycle, ${[...trail.slice(at), path].join(" → ")}`);
    if (at >= 0 || done.has(path)) return;
    for (const { to } of tree.get(path)?.imports ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of tree.keys()) visit(path, []);
  return cycles;
};

/** Everything a file loads at run time, by any number of steps: files and packages. */
export const reached = (tree: Tree, start: string): ReadonlySet<string> => {
  const seen = new Set([start]);
  for (const path of seen)
    for (const { to, typeOnly } of tree.get(path)?.imports ?? []) if (!typeOnly) seen.add(to);
  return seen;
};

/** What a program must not load, not even by an import of an import. */
const BARRED: Readonly<Record<string, readonly string[]>> = {
  // Its PostgreSQL collector speaks to the database it watches, so `pg` is no engine here.
  "src/programs/agent.ts": [
    ...["chdb", "@clickhouse/client", "fastify", "@node-rs/argon2", "react", "ui/"],
    ...["src/io/postgres/", "src/io/clickhouse/", "src/io/http/", "src/watch/signal/"],
    ...["src/launch/", "src/respond/", "src/learn/", "src/ledger/", "src/account/"],
  ],
  "src/programs/hub.ts": ["chdb", "react", "ui/", "src/io/clickhouse/embedded/"],
  "src/programs/store.ts": [
    ...["pg", "fastify", "react", "ui/", "src/io/postgres/", "src/io/http/server.ts"],
    ...["src/watch/", "src/launch/", "src/respond/", "src/learn/"],
  ],
  "src/programs/up.ts": ["chdb", "fastify", "react", "ui/", "src/watch/", "src/launch/"],
  "src/programs/novaevo.ts": ["chdb", "fastify", "react", "ui/"],
};

export const programReach: Rule = (tree) =>
  Object.entries(BARRED).flatMap(([program, barred]) => {
    if (!tree.has(program)) return [];
    // The command line loads a program only when asked for: its own `import()`s do not count.
    const start = program.endsWith("novaevo.ts") ? withoutPrograms(tree) : tree;
    return [...reached(start, program)]
      .filter((to) => barred.some((one) => to === one || (one.endsWith("/") && to.startsWith(one))))
      .map((to) => `${program}: loads ${to}`);
  });

const withoutPrograms = (tree: Tree): Tree =>
  new Map(
    [...tree].map(([path, file]) => {
      const keep = ({ to }: Import): boolean => !/^src\/programs\/[\w-]+\.ts$/.test(to);
      return [path, { ...file, imports: file.imports.filter(keep) }];
    }),
  );

export const webApp: Rule = (tree) => {
  const app = [...tree.values()].filter(({ path }) => path.startsWith("ui/src/") && !isTest(path));
  const foreign = app.flatMap((file) =>
    file.imports
      .filter(({ to, typeOnly }) => !isOfTheApp(to) && !(typeOnly && to.startsWith(CONTRACT)))
      .map(({ to }) => `${file.path}: the web app may not import ${to}`),
  );
  const heavy = app
    .filter(({ path }) => reached(tree, path).has("zod"))
    .map(({ path }) => `${path}: the web app loads zod`);
  return [...foreign, ...heavy];
};

const CONTRACT = "src/contract/";
const isOfTheApp = (to: string): boolean =>
  to.startsWith("ui/src/") || isPackage(to) || to === `${CONTRACT}paths.ts`;

export const isPackage = (to: string): boolean =>
  !/^(?:node:|(?:src|ui|test|sim|bench|bin|fleet)\/)/.test(to) && !/^\.|\.config\.ts$/.test(to);

const MAX_WIDTH = 100;
const COMMENT = /^\s*(?:\/\*\*|\*|\/\/)/;

/** A file opens with what it is. */
export const docstrings: Rule = (tree) =>
  [...tree.values()]
    .filter(({ path, text }) => !isTest(path) && !/^(?:#!|\/\*\*|declare )/.test(text))
    .map(({ path }) => `${path}: does not open with a docstring`);

/** The formatter holds the width of code, this one that of comments. */
export const comments: Rule = (tree) =>
  [...tree.values()].flatMap(({ path, text }) =>
    text
      .split("\n")
      .flatMap((line, index) =>
        COMMENT.test(line) && line.length > MAX_WIDTH
          ? [`${path}: comment line ${index + 1} has ${line.length} characters`]
          : [],
      ),
  );

/** Programs of the house and platform binaries: named in package.json, imported by nobody. */
const COMMANDS =
  /^(?:knip|oxfmt|oxlint|oxlint-tsgolint|typescript|@types\/.*|@vitest\/coverage-v8|node-.*)$/;

type Names = Readonly<Record<string, string>>;
export type Manifest = {
  readonly dependencies: Names;
  readonly devDependencies: Names;
  readonly optionalDependencies: Names;
};

/** `styles` is the text of the style sheets: a font is a package too. */
export const packages =
  (manifest: Manifest, styles: string): Rule =>
  (tree) => {
    const files = [...tree.values()];
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const known = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
    const used = new Set(files.flatMap(({ imports }) => imports.map(({ to }) => to)));
    const loadedByName = files.flatMap(({ strings }) => strings).join("\n");
    const isUsed = (name: string): boolean =>
      used.has(name) ||
      COMMANDS.test(name) ||
      styles.includes(`"${name}/`) ||
      (optionalDependencies[name] !== undefined && loadedByName.includes(name.split("/")[0]!));
    const unknown = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ to }) => isPackage(to) && !known.includes(to))
        .map(({ to }) => `${path}: imports ${to}, which package.json does not name`),
    );
    const running = [...sources(tree), ...files.filter(isOfFleet)];
    const notInstalled = running.flatMap(({ path, imports }) =>
      imports
        .filter(({ to }) => devDependencies[to] !== undefined)
        .map(({ to }) => `${path}: imports ${to}, which is there for development only`),
    );
    const unused = known
      .filter((name) => !isUsed(name))
      .map((name) => `package.json: no file imports ${name}`);
    return [...unknown, ...notInstalled, ...unused];
  };
