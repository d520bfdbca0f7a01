/**
 * A disk that forgets what was not synced.
 *
 * Shape:  what a process sees (the overlay) and what lasts (the platter). `sync` of a file makes
 *         its bytes last, `syncDir` its name. A crash keeps, per file, a prefix of the unsynced
 *         changes and a torn part of the next one; per directory, a prefix of the unsynced renames.
 *         Every operation is two awaits where `interrupt` may end the process: before its effect
 *         and after it. A process that ended waits for ever.
 * Faults: `capacityBytes` → ENOSPC after a partial write; `failSync` → EIO, and as in Linux the
 *         dirty bytes stay visible, are never written, and the next sync "succeeds".
 */
import { dirname } from "node:path";
import { DirectoryBusy, type Disk, type DiskFile } from "../src/io/disk/disk.ts";
import type { Random } from "./random.ts";

type Change =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly size: number };
type Inode = { seen: Uint8Array; lasting: Uint8Array; unsynced: Change[] };
type Names = Map<string, Inode>;
type NameChange = { readonly dir: string; readonly apply: (names: Names) => void };

export type SimDisk = {
  /** The disk as one process sees it; a new one for each start. */
  readonly boot: () => Disk;
  /** Ends the process: "kill" keeps the page cache, "power" loses what was not synced. */
  readonly crash: (kind: "kill" | "power") => void;
  /** Counts awaits since the start. */
  readonly awaits: () => number;
  /** Bit flips and cuts, straight on the platter; for reading back too. */
  readonly files: () => ReadonlyMap<string, Uint8Array>;
  readonly damage: (path: string, change: (bytes: Uint8Array) => Uint8Array) => void;
  capacityBytes: number;
  failSync: boolean;
};

type Interrupt = (nthAwait: number) => "kill" | "power" | undefined;

const fault = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${path}`), { code });

const changed = (bytes: Uint8Array, change: Change): Uint8Array => {
  const size =
    change.kind === "write" ? Math.max(bytes.length, change.at + change.bytes.length) : change.size;
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  if (change.kind === "write") result.set(change.bytes, change.at);
  return result;
};

/** A part of a write, as sectors may arrive: cut at any byte, or with a hole of zeros. */
const torn = (change: Change, random: Random): Change => {
  if (change.kind === "truncate" || change.bytes.length === 0) return change;
  const kept = random.below(change.bytes.length + 1);
  if (random.chance(0.7)) return { ...change, bytes: change.bytes.slice(0, kept) };
  const bytes = change.bytes.slice();
  bytes.fill(0, kept, kept + random.below(bytes.length - kept + 1));
  return { ...change, bytes };
};

const change = (inode: Inode, what: Change): void => {
  inode.seen = changed(inode.seen, what);
  inode.unsynced.push(what);
};

export const simDisk = (random: Random, interrupt: Interrupt = () => undefined): SimDisk => {
  const seen: Names = new Map();
  const lasting: Names = new Map();
  let nameChanges: NameChange[] = [];
  const locks = new Set<string>();
  let generation = 0;
  let awaits = 0;

  const crash = (kind: "kill" | "power"): void => {
    generation += 1;
    locks.clear();
    if (kind === "kill") return;
    const kept = random.below(nameChanges.length + 1);
    for (const { apply } of nameChanges.slice(0, kept)) apply(lasting);
    nameChanges = [];
    seen.clear();
    for (const [path, inode] of lasting) seen.set(path, inode);
    for (const inode of new Set(lasting.values())) {
      const whole = random.below(inode.unsynced.length + 1);
      const survivors = inode.unsynced.slice(0, whole);
      const next = inode.unsynced[whole];
      if (next !== undefined && random.chance(0.5)) survivors.push(torn(next, random));
      inode.lasting = survivors.reduce(changed, inode.lasting);
      inode.seen = inode.lasting;
      inode.unsynced = [];
    }
  };

  const used = (): number =>
    [...new Set(seen.values())].reduce((n, { seen: s }) => n + s.length, 0);
  const rename = (dir: string, apply: (names: Names) => void): void => {
    apply(seen);
    nameChanges.push({ dir, apply });
  };

  const write = (inode: Inode, path: string, at: number, bytes: Uint8Array): void => {
    const growth = Math.max(0, at + bytes.length - inode.seen.length);
    const room = self.capacityBytes - used();
    if (growth <= room) return change(inode, { kind: "write", at, bytes: bytes.slice() });
    const fits = Math.max(0, bytes.length - growth + room);
    change(inode, { kind: "write", at, bytes: bytes.slice(0, fits) });
    throw fault("ENOSPC", path);
  };
  const sync = (inode: Inode, path: string): void => {
    if (!self.failSync) inode.lasting = inode.unsynced.reduce(changed, inode.lasting);
    inode.unsynced = [];
    if (self.failSync) throw fault("EIO", path);
  };
  const find = (path: string): Inode => {
    const inode = seen.get(path);
    if (inode === undefined) throw fault("ENOENT", path);
    return inode;
  };

  const boot = (): Disk => {
    const mine = generation;
    const pause = async (): Promise<void> => {
      await Promise.resolve();
      if (mine === generation) {
        const end = interrupt(awaits);
        awaits += 1;
        if (end !== undefined) crash(end);
      }
      if (mine !== generation) await new Promise<never>(() => undefined);
    };
    const step = async <T>(effect: () => T): Promise<T> => {
      await pause();
      let outcome: { readonly value: T } | { readonly thrown: unknown };
      try {
        outcome = { value: effect() };
      } catch (thrown) {
        outcome = { thrown };
      }
      await pause();
      if ("thrown" in outcome) throw outcome.thrown;
      return outcome.value;
    };
    const fileOver = (inode: Inode, path: string): DiskFile => ({
      size: () => step(() => inode.seen.length),
      read: (at, length) => step(() => inode.seen.slice(at, at + length)),
      write: (at, bytes) => step(() => write(inode, path, at, bytes)),
      truncate: (size) => step(() => change(inode, { kind: "truncate", size })),
      sync: () => step(() => sync(inode, path)),
      close: () => step(() => undefined),
    });
    return {
      makeDir: () => step(() => undefined),
      list: (dir) =>
        step(() =>
          [...seen.keys()].filter((p) => dirname(p) === dir).map((p) => p.slice(dir.length + 1)),
        ),
      open: (path, mode) =>
        step(() => {
          if (mode !== "create") return fileOver(find(path), path);
          if (seen.has(path)) throw fault("EEXIST", path);
          const inode: Inode = { seen: new Uint8Array(), lasting: new Uint8Array(), unsynced: [] };
          rename(dirname(path), (names) => names.set(path, inode));
          return fileOver(inode, path);
        }),
      rename: (from, to) =>
        step(() => {
          const inode = find(from);
          rename(dirname(to), (names) => {
            names.delete(from);
            names.set(to, inode);
          });
        }),
      remove: (path) =>
        step(() => {
          find(path);
          rename(dirname(path), (names) => names.delete(path));
        }),
      syncDir: (dir) =>
        step(() => {
          for (const { apply } of nameChanges.filter((c) => c.dir === dir)) apply(lasting);
          nameChanges = nameChanges.filter((c) => c.dir !== dir);
        }),
      lock: (dir) =>
        step(() => {
          if (locks.has(dir)) throw new DirectoryBusy(dir, mine);
          locks.add(dir);
          return () => step(() => void locks.delete(dir));
        }),
    };
  };

  const self: SimDisk = {
    boot,
    crash,
    awaits: () => awaits,
    files: () => new Map([...seen].map(([path, inode]) => [path, inode.seen])),
    damage: (path, change) => {
      const inode = seen.get(path)!;
      inode.seen = change(inode.seen.slice());
      inode.lasting = inode.seen;
    },
    capacityBytes: Number.POSITIVE_INFINITY,
    failSync: false,
  };
  return self;
};
