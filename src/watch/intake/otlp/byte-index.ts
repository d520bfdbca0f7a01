/**
 * Things found again by the bytes they were sent as.
 *
 * Shape:  one index per parent (a resource's scopes, a scope's metrics, a metric's points). Senders
 *         keep an order, so each remembers which came after it: a find is mostly one comparison.
 *         What came as JSON is found by its text instead, in the same index.
 * Units:  all indexes of one budget hold at most `maxBytes` of keys and overhead; what would go
 *         beyond empties them all, each when it is next asked.
 * Errors: none.
 */
export type Budget = { readonly maxBytes: number; heldBytes: number; age: number };

type Leaf<T> = {
  readonly bytes: Uint8Array;
  readonly shape: number;
  readonly value: T;
  after: Leaf<T> | undefined;
};

export type ByteIndex<T> = {
  readonly budget: Budget;
  age: number;
  byHash: Map<number, Leaf<T>[]> | undefined;
  byText: Map<string, T> | undefined;
  first: Leaf<T> | undefined;
  last: Leaf<T> | undefined;
  expected: Leaf<T> | undefined;
};

export const newByteIndex = <T>(budget: Budget): ByteIndex<T> => ({
  budget,
  age: budget.age,
  byHash: undefined,
  byText: undefined,
  first: undefined,
  last: undefined,
  expected: undefined,
});

/** About what an entry costs beside its key. */
const ENTRY_BYTES = 400;
/** Entries of one hash: only somebody who computes them gets there, and he is not searched long. */
const MAX_CHAIN = 16;

/** A sender begins anew: what came first the last time is expected. */
export const rewind = <T>(index: ByteIndex<T>): void => {
  index.last = undefined;
  index.expected = index.first;
};

/** What stands under `bytes[from, to)` and `shape`, made by `make` if it is new. */
export const findByBytes = <T>(
  index: ByteIndex<T>,
  bytes: Uint8Array,
  from: number,
  to: number,
  shape: number,
  make: () => T,
): T => {
  if (index.age !== index.budget.age) forget(index);
  const { expected } = index;
  if (expected !== undefined && expected.shape === shape && isAt(bytes, from, to, expected.bytes)) {
    index.last = expected;
    index.expected = expected.after;
    return expected.value;
  }
  const leaf = leafOf(index, bytes, from, to, shape, make);
  if (index.last === undefined) index.first = leaf;
  else index.last.after = leaf;
  index.last = leaf;
  index.expected = leaf.after;
  return leaf.value;
};

export const findByText = <T>(index: ByteIndex<T>, text: string, make: () => T): T => {
  if (index.age !== index.budget.age) forget(index);
  const found = index.byText?.get(text);
  if (found !== undefined) return found;
  const value = make();
  charge(index, 2 * text.length);
  index.byText ??= new Map();
  index.byText.set(text, value);
  return value;
};

const leafOf = <T>(
  index: ByteIndex<T>,
  bytes: Uint8Array,
  from: number,
  to: number,
  shape: number,
  make: () => T,
): Leaf<T> => {
  const hash = hashOf(bytes, from, to, shape);
  const found = index.byHash
    ?.get(hash)
    ?.find((leaf) => leaf.shape === shape && isAt(bytes, from, to, leaf.bytes));
  if (found !== undefined) return found;
  const leaf = { bytes: bytes.slice(from, to), shape, value: make(), after: undefined };
  charge(index, to - from);
  index.byHash ??= new Map();
  const list = index.byHash.get(hash);
  if (list === undefined) index.byHash.set(hash, [leaf]);
  else if (list.push(leaf) > MAX_CHAIN) list.shift();
  return leaf;
};

const charge = <T>(index: ByteIndex<T>, keyBytes: number): void => {
  const { budget } = index;
  budget.heldBytes += keyBytes + ENTRY_BYTES;
  if (budget.heldBytes <= budget.maxBytes) return;
  budget.heldBytes = 0;
  budget.age += 1;
  forget(index);
};

const forget = <T>(index: ByteIndex<T>): void => {
  index.age = index.budget.age;
  index.byHash = undefined;
  index.byText = undefined;
  index.first = undefined;
  index.last = undefined;
  index.expected = undefined;
};

const isAt = (bytes: Uint8Array, from: number, to: number, key: Uint8Array): boolean => {
  const { length } = key;
  if (to - from !== length) return false;
  // The end first: neighbours differ in their last value more often than in their first key.
  for (let i = length - 1; i >= 0; i -= 1) if (bytes[from + i] !== key[i]) return false;
  return true;
};

const hashOf = (bytes: Uint8Array, from: number, to: number, shape: number): number => {
  let hash = 0x811c9dc5 ^ shape;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
};
