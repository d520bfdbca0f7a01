/**
 * A map that forgets what was used longest ago once it is full.
 *
 * Shape:  `get` counts as a use. `onEvict` hears what is forgotten for room, not what is deleted.
 */
export type Lru<K, V> = {
  readonly get: (key: K) => V | undefined;
  readonly set: (key: K, value: V) => void;
  readonly delete: (key: K) => void;
  readonly size: () => number;
  /** Longest unused first. */
  readonly entries: () => IterableIterator<[K, V]>;
};

export const newLru = <K, V>(
  maxEntries: number,
  onEvict: (value: V, key: K) => void = () => undefined,
): Lru<K, V> => {
  const map = new Map<K, V>();
  return {
    get: (key) => {
      const value = map.get(key);
      if (value === undefined) return undefined;
      map.delete(key);
      map.set(key, value);
      return value;
    },
    set: (key, value) => {
      map.delete(key);
      map.set(key, value);
      if (map.size <= maxEntries) return;
      for (const [oldest, gone] of map) {
        map.delete(oldest);
        onEvict(gone, oldest);
        return;
      }
    },
    delete: (key) => void map.delete(key),
    size: () => map.size,
    entries: () => map.entries(),
  };
};
