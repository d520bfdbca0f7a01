/**
 * Recomputes the whole ledger from its rows and says what was done to it.
 *
 * Shape:  each entry's hash is computed from what the entry says; the tree is grown from the
 *         entries in the order of their places; its root is compared with every signed head on the
 *         way, with the stored nodes that proofs are made of, with the frontier the sequencer goes
 *         on from, and with a head that was remembered outside the database.
 *         Whoever has the database *and* the key can rewrite both: only a remembered head (or a
 *         witness's) shows that, which is why agents and files remember them.
 *         Entries placed after the last signed head, and entries without a place yet (a second or
 *         two), are checked one by one only.
 * Errors: a damaged ledger is a report with findings; a source that cannot be read throws.
 */
import { canonicalJson } from "../kernel/canonical.ts";
import type { JsonObject } from "../kernel/canonical.ts";
import { entryLeaf } from "./entry.ts";
import { EMPTY_FRONTIER, equalHashes, extend, hashLeaf, rootOf } from "./merkle.ts";
import type { Frontier, Hash, NodeName, Sha256, TreeNode } from "./merkle.ts";
import { openCheckpoint } from "./note.ts";
import type { Checkpoint, Verifier } from "./note.ts";

export type StoredEntry = {
  readonly id: string;
  /** Null until the sequencer has placed it. */
  readonly seq: number | null;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly atMs: number;
  readonly body: string;
  readonly leafHash: Hash;
};
export type StoredHead = { readonly size: number; readonly note: string };

export type LedgerSource = {
  /** Read first: what comes later may have grown since, and that is no fault. */
  readonly lastHeadSize: () => Promise<number>;
  readonly frontier: () => Promise<Frontier>;
  readonly entriesFrom: (seq: number, limit: number) => Promise<readonly StoredEntry[]>;
  readonly headsFrom: (size: number, limit: number) => Promise<readonly StoredHead[]>;
  readonly pending: (limit: number) => Promise<readonly StoredEntry[]>;
  /** In the order asked; undefined where there is none. Absent where nodes are not part of it. */
  readonly nodes?: (names: readonly NodeName[]) => Promise<readonly (Hash | undefined)[]>;
};

export const FINDING_KINDS = [
  "edited",
  "missing",
  "misplaced",
  "truncated",
  "rewritten",
  "forged_head",
  "damaged_tree",
  "unreadable_memory",
] as const;
export type Finding = {
  readonly kind: (typeof FINDING_KINDS)[number];
  readonly message: string;
};
export type LedgerReport = {
  readonly ok: boolean;
  /** Entries that have a place. */
  readonly size: number;
  /** How many of them the last genuine signed head covers. */
  readonly signedSize: number;
  readonly pending: number;
  /** At most `MAX_FINDINGS`; `findingsTotal` counts all. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
};

export const MAX_FINDINGS = 100;
const PAGE = 2_000;
const MAX_PENDING = 10_000;

type Deps = { readonly sha256: Sha256; readonly verifiers: readonly Verifier[] };

export const verifyLedger =
  (deps: Deps) =>
  async (
    source: LedgerSource,
    /** The note of a head remembered outside the database. */
    remembered?: string,
  ): Promise<LedgerReport> => {
    const log = findingLog();
    const lastHeadSize = await source.lastHeadSize();
    const stored = await source.frontier();
    const memory = openMemory(deps, remembered, log);
    for (const [what, size] of [
      ["signed head", lastHeadSize],
      ["remembered head", memory?.size ?? 0],
    ] as const) {
      if (size > stored.size) {
        log.add("truncated", `the last ${what} covers ${size} entries, ${stored.size} are left`);
      }
    }
    const walk = await walkEntries(deps, source, { size: stored.size, memory, log });
    if (walk.whole && !sameFrontier(walk.frontier, stored)) {
      log.add("damaged_tree", `the frontier that is stored is not that of these entries`);
    }
    const pending = await source.pending(MAX_PENDING);
    for (const entry of pending) checkEntry(deps, entry, log);
    return {
      ok: log.total() === 0,
      size: stored.size,
      signedSize: walk.signedSize,
      pending: pending.length,
      findings: log.findings,
      findingsTotal: log.total(),
    };
  };

export const describeReport = (report: LedgerReport): readonly string[] => {
  const { size, signedSize, pending, findings, findingsTotal } = report;
  const covered = `${size} entries in their places, ${signedSize} of them under a signed head`;
  const waiting = pending === 0 ? "" : `, ${pending} not placed yet`;
  if (report.ok) return [`ledger intact: ${covered}${waiting}`];
  const more = findingsTotal - findings.length;
  return [
    `LEDGER NOT INTACT: ${findingsTotal} finding${findingsTotal === 1 ? "" : "s"} (${covered}${waiting})`,
    ...findings.map((finding) => `  ${finding.kind}: ${finding.message}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
};

type FindingLog = {
  readonly findings: readonly Finding[];
  readonly total: () => number;
  readonly add: (kind: Finding["kind"], message: string) => void;
};

const findingLog = (): FindingLog => {
  const findings: Finding[] = [];
  let total = 0;
  const add: FindingLog["add"] = (kind, message) => {
    total += 1;
    if (findings.length < MAX_FINDINGS) findings.push({ kind, message });
  };
  return { findings, total: () => total, add };
};

const openMemory = (
  deps: Deps,
  remembered: string | undefined,
  log: FindingLog,
): Checkpoint | undefined => {
  if (remembered === undefined) return undefined;
  const opened = openCheckpoint(deps.verifiers, remembered);
  if (opened.ok) return opened.value;
  log.add("unreadable_memory", `the head remembered outside the database ${opened.error}`);
  return undefined;
};

type Walk = {
  readonly frontier: Frontier;
  /** False when an entry was missing: what comes after it cannot be part of the tree. */
  readonly whole: boolean;
  readonly signedSize: number;
};

const walkEntries = async (
  deps: Deps,
  source: LedgerSource,
  told: {
    readonly size: number;
    readonly memory: Checkpoint | undefined;
    readonly log: FindingLog;
  },
): Promise<Walk> => {
  const { size, memory, log } = told;
  const judge = headJudge(deps, memory, log);
  const nodes = nodeJudge(source, log);
  let frontier = EMPTY_FRONTIER;
  let whole = true;
  let expected = 0;
  while (expected < size) {
    const page = await source.entriesFrom(expected, Math.min(PAGE, size - expected));
    const placed = page.filter((entry) => entry.seq !== null && entry.seq < size);
    const leaves: Hash[] = [];
    for (const entry of placed) {
      const seq = entry.seq ?? 0;
      if (seq < expected) log.add("misplaced", `a second entry is in the place of ${numbers(seq)}`);
      if (seq > expected) log.add("missing", `${numbers(expected, seq)} missing`);
      if (seq !== expected) whole = false;
      checkEntry(deps, entry, log);
      if (whole) leaves.push(entry.leafHash);
      expected = seq + 1;
    }
    if (placed.length === 0) {
      log.add("missing", `${numbers(expected, size)} missing`);
      whole = false;
      expected = size;
    }
    frontier = await growToHeads(deps, source, { frontier, leaves, judge, nodes });
  }
  if (!whole) await judge.rest(source, frontier.size);
  return { frontier, whole, signedSize: judge.signedSize() };
};

/** Grows the tree by a page of leaves, stopping at every size somebody signed. */
const growToHeads = async (
  deps: Deps,
  source: LedgerSource,
  step: {
    readonly frontier: Frontier;
    readonly leaves: readonly Hash[];
    readonly judge: HeadJudge;
    readonly nodes: NodeJudge;
  },
): Promise<Frontier> => {
  const { leaves, judge } = step;
  let { frontier } = step;
  const start = frontier.size;
  const end = start + leaves.length;
  // There is at most one head per size, so one page of heads spans a page of entries.
  const heads = (await source.headsFrom(start + 1, PAGE)).filter((head) => head.size <= end);
  const stops = new Set([...heads.map((head) => head.size), ...judge.stops(start, end), end]);
  const nodes: TreeNode[] = [];
  for (const stop of [...stops].toSorted((a, b) => a - b)) {
    const grown = extend(deps.sha256, frontier, leaves.slice(frontier.size - start, stop - start));
    frontier = grown.frontier;
    nodes.push(...grown.nodes);
    judge.at(stop, rootOf(deps.sha256, frontier), heads);
  }
  await step.nodes(nodes);
  return frontier;
};

type HeadJudge = {
  /** Sizes in (after, upTo] at which more than the stored heads is known. */
  readonly stops: (after: number, upTo: number) => readonly number[];
  readonly at: (size: number, root: Hash, heads: readonly StoredHead[]) => void;
  readonly rest: (source: LedgerSource, after: number) => Promise<void>;
  readonly signedSize: () => number;
};

const headJudge = (deps: Deps, memory: Checkpoint | undefined, log: FindingLog): HeadJudge => {
  let signedSize = 0;
  let rewritten = false;
  const open = (head: StoredHead): Checkpoint | undefined => {
    const opened = openCheckpoint(deps.verifiers, head.note);
    const why = opened.ok
      ? opened.value.size === head.size
        ? undefined
        : `is filed under ${head.size} but says ${opened.value.size}`
      : opened.error;
    if (why !== undefined) log.add("forged_head", `the head at ${head.size} entries ${why}`);
    return opened.ok && why === undefined ? opened.value : undefined;
  };
  return {
    stops: (after, upTo) =>
      memory !== undefined && memory.size > after && memory.size <= upTo ? [memory.size] : [],
    at: (size, root, heads) => {
      if (memory?.size === size && !equalHashes(memory.root, root)) {
        log.add("rewritten", `the first ${size} entries are not those of the remembered head`);
      }
      for (const head of heads.filter((candidate) => candidate.size === size)) {
        const opened = open(head);
        if (opened === undefined) continue;
        if (equalHashes(opened.root, root)) signedSize = size;
        // Every later head differs too: the first one says where it began.
        else if (!rewritten) {
          rewritten = true;
          log.add("rewritten", `the first ${size} entries are not those of the head signed there`);
        }
      }
    },
    rest: async (source, after) => {
      for (let from = after + 1; ;) {
        const heads = await source.headsFrom(from, PAGE);
        for (const head of heads) open(head);
        const last = heads.at(-1);
        if (last === undefined) return;
        from = last.size + 1;
      }
    },
    signedSize: () => signedSize,
  };
};

type NodeJudge = (nodes: readonly TreeNode[]) => Promise<void>;

const nodeJudge = (source: LedgerSource, log: FindingLog): NodeJudge => {
  // A bad node makes all those above it bad: only the lowest says where.
  const bad = new Set<string>();
  return async (nodes) => {
    if (source.nodes === undefined || nodes.length === 0) return;
    const stored = await source.nodes(nodes);
    for (const [at, node] of nodes.entries()) {
      const found = stored[at];
      if (found !== undefined && equalHashes(found, node.hash)) continue;
      bad.add(`${node.level}:${node.index}`);
      const children = [0, 1].map((side) => `${node.level - 1}:${node.index * 2 + side}`);
      if (children.some((child) => bad.has(child))) continue;
      const width = 2 ** node.level;
      const range = numbers(node.index * width, (node.index + 1) * width);
      const what = found === undefined ? "lost a node of the tree" : "not the ones placed there";
      log.add(found === undefined ? "damaged_tree" : "misplaced", `${range} ${what}`);
    }
  };
};

const checkEntry = (deps: Deps, entry: StoredEntry, log: FindingLog): void => {
  const name = entry.seq === null ? "waiting entry" : `entry ${entry.seq}`;
  const why = whyNotGenuine(deps, entry);
  if (why !== undefined) log.add("edited", `${name} (${entry.kind}, ${entry.id}) ${why}`);
};

const whyNotGenuine = (deps: Deps, entry: StoredEntry): string | undefined => {
  const body = parseObject(entry.body);
  if (body === undefined) return "has a body that is not a JSON object";
  const text = canonicalJson(body);
  if (!text.ok || text.value !== entry.body) return "has a body that is not as we write them";
  const made = entryLeaf({ ...entry, body });
  if (!made.ok) return `is not one we would have recorded: ${made.error}`;
  const genuine = equalHashes(hashLeaf(deps.sha256, made.value.leaf), entry.leafHash);
  return genuine ? undefined : "does not say what its hash was made of";
};

const parseObject = (text: string): JsonObject | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
};

const sameFrontier = (a: Frontier, b: Frontier): boolean =>
  a.size === b.size &&
  a.roots.length === b.roots.length &&
  a.roots.every((root, at) => equalHashes(root, b.roots[at] ?? new Uint8Array()));

/** "entry 3" or "entries 3 to 5", for [from, to). */
const numbers = (from: number, to = from + 1): string =>
  to - from === 1 ? `entry ${from}` : `entries ${from} to ${to - 1}`;
