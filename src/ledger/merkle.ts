/**
 * The Merkle tree of the ledger: a short proof that an entry is in it, and that it only ever grew.
 *
 * Shape:  a leaf is H(0x00 ‖ data), a node H(0x01 ‖ left ‖ right), the empty tree H(). A tree of n
 *         leaves is kept as its frontier: the roots of the perfect subtrees n is the sum of,
 *         largest first, so appending costs one hash amortised. Nodes are named by level and index:
 *         node (l, i) covers the leaves [i·2^l, (i+1)·2^l). Proofs are lists of ranges, so a store
 *         can fetch every node of a proof at once.
 * Units:  sizes and indexes are whole numbers below 2^53.
 * Errors: `prove…` throws RangeError outside the tree; `verify…` answers false and never throws.
 * Source: RFC 9162 §2.1 (RFC 6962 §2.1 is the same tree).
 */
export type Hash = Uint8Array;
export type Sha256 = (data: Uint8Array) => Hash;

export type Frontier = { readonly size: number; readonly roots: readonly Hash[] };
export type Range = { readonly from: number; readonly to: number };
export type NodeName = { readonly level: number; readonly index: number };
export type TreeNode = NodeName & { readonly hash: Hash };
/** The hash of a complete node; throws if it is not known. */
export type NodeSource = (node: NodeName) => Hash;

export const EMPTY_FRONTIER: Frontier = { size: 0, roots: [] };

export const hashLeaf = (sha256: Sha256, data: Uint8Array): Hash => {
  const prefixed = new Uint8Array(1 + data.length);
  prefixed.set(data, 1);
  return sha256(prefixed);
};

export const hashNode = (sha256: Sha256, left: Hash, right: Hash): Hash => {
  const prefixed = new Uint8Array(1 + left.length + right.length);
  prefixed[0] = 1;
  prefixed.set(left, 1);
  prefixed.set(right, 1 + left.length);
  return sha256(prefixed);
};

export const equalHashes = (a: Hash, b: Hash): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

/** Appends leaves; `nodes` are the nodes above level 0 that became complete, children first. */
export const extend = (
  sha256: Sha256,
  frontier: Frontier,
  leaves: readonly Hash[],
): { readonly frontier: Frontier; readonly nodes: readonly TreeNode[] } => {
  const roots = [...frontier.roots];
  const nodes: TreeNode[] = [];
  let size = frontier.size;
  for (const leaf of leaves) {
    let hash = leaf;
    let level = 0;
    // Every trailing one bit of the size is a left sibling that is waiting for this one.
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = roots.pop();
      if (left === undefined) throw new Error("a frontier must have a root per bit of its size");
      hash = hashNode(sha256, left, hash);
      level += 1;
      nodes.push({ level, index: Math.floor(rest / 2), hash });
    }
    roots.push(hash);
    size += 1;
  }
  return { frontier: { size, roots }, nodes };
};

export const rootOf = (sha256: Sha256, frontier: Frontier): Hash => {
  const [last, ...others] = frontier.roots.toReversed();
  if (last === undefined) return sha256(new Uint8Array());
  return others.reduce((right, left) => hashNode(sha256, left, right), last);
};

/** The complete nodes whose fold is the hash of a range that a proof names, largest first. */
export const nodesOfRange = ({ from, to }: Range): readonly NodeName[] => {
  const names: NodeName[] = [];
  for (let at = from; at < to;) {
    const { width, level } = largestWithin(to - at);
    names.push({ level, index: at / width });
    at += width;
  }
  return names;
};

export const hashOfRange = (sha256: Sha256, nodeAt: NodeSource, range: Range): Hash =>
  rootOf(sha256, { size: range.to - range.from, roots: nodesOfRange(range).map(nodeAt) });

/** The ranges an inclusion proof is made of, from the leaf upwards. */
export const inclusionRanges = (index: number, size: number): readonly Range[] => {
  if (!isSize(size) || !isSize(index) || index >= size) {
    throw new RangeError(`leaf ${index} is not in a tree of ${size}`);
  }
  const ranges: Range[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestBelow(to - from);
    ranges.push(index < middle ? { from: middle, to } : { from, to: middle });
    if (index < middle) to = middle;
    else from = middle;
  }
  return ranges.toReversed();
};

/** The ranges of a proof that the tree of `first` leaves is a prefix of the one of `second`. */
export const consistencyRanges = (first: number, second: number): readonly Range[] => {
  if (!isSize(first) || !isSize(second) || first > second) {
    throw new RangeError(`a tree of ${first} cannot be a prefix of one of ${second}`);
  }
  if (first === 0 || first === second) return [];
  const ranges: Range[] = [];
  let from = 0;
  let to = second;
  while (first !== to) {
    const middle = from + largestBelow(to - from);
    ranges.push(first <= middle ? { from: middle, to } : { from, to: middle });
    if (first <= middle) to = middle;
    else from = middle;
  }
  // A prefix that is itself one perfect subtree is known to the verifier: it is the first root.
  if (from > 0) ranges.push({ from, to });
  return ranges.toReversed();
};

export const verifyInclusion = (
  sha256: Sha256,
  claim: {
    readonly leaf: Hash;
    readonly index: number;
    readonly size: number;
    readonly root: Hash;
    readonly path: readonly Hash[];
  },
): boolean => {
  if (!isSize(claim.size) || !isSize(claim.index) || claim.index >= claim.size) return false;
  let node = claim.index;
  let last = claim.size - 1;
  let hash = claim.leaf;
  for (const sibling of claim.path) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = hashNode(sha256, sibling, hash);
      // A right edge without a left sibling at this level has none to fold in: climb.
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = hashNode(sha256, hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalHashes(hash, claim.root);
};

export const verifyConsistency = (
  sha256: Sha256,
  claim: {
    readonly first: { readonly size: number; readonly root: Hash };
    readonly second: { readonly size: number; readonly root: Hash };
    readonly path: readonly Hash[];
  },
): boolean => {
  const { first, second } = claim;
  if (!isSize(first.size) || !isSize(second.size) || first.size > second.size) return false;
  if (first.size === second.size) {
    return claim.path.length === 0 && equalHashes(first.root, second.root);
  }
  if (first.size === 0) {
    return claim.path.length === 0 && equalHashes(first.root, sha256(new Uint8Array()));
  }
  let node = first.size - 1;
  let last = second.size - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  const path = node === 0 ? [first.root, ...claim.path] : claim.path;
  const [seed, ...siblings] = path;
  if (seed === undefined) return false;
  let older = seed;
  let newer = seed;
  for (const sibling of siblings) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      older = hashNode(sha256, sibling, older);
      newer = hashNode(sha256, sibling, newer);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newer = hashNode(sha256, newer, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalHashes(older, first.root) && equalHashes(newer, second.root);
};

// Not bit operators: they stop at 32 bits, a ledger does not.
const half = (value: number): number => Math.floor(value / 2);
const isOdd = (value: number): boolean => value % 2 === 1;
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

const largestWithin = (size: number): { readonly width: number; readonly level: number } => {
  let width = 1;
  let level = 0;
  while (width * 2 <= size) {
    width *= 2;
    level += 1;
  }
  return { width, level };
};

/** The split of a tree: the largest power of two strictly below its size (two or more). */
const largestBelow = (size: number): number => largestWithin(size - 1).width;
