/**
 * Memory in pieces of a few sizes, cut from large slabs that can be given back.
 *
 * Shape:  a blob is a number: its place in units of 16 bytes over all slabs. A slab is 1 MiB in 32
 *         pages; a page holds blobs of one size and, when its last is freed, serves another size.
 * Units:  bytes; `units` of 16 bytes; indexes of 32-bit words.
 * Errors: none; `take` answers -1 when the budget of pages is spent.
 * Why:    no object per blob and nothing that moves, so the collector has no work; a slab is
 *         beyond what an allocator keeps for later, so one that is empty goes back to the system.
 *         The budget counts whole pages: whatever sizes come and go, memory stays within it.
 */

/** The same memory, seen as 32-bit words and as doubles. */
export type Words = { readonly u32: Uint32Array; readonly f64: Float64Array };

export const UNIT_BYTES = 16;
export const PAGE_BYTES = 32_768;
const SLAB_BYTES = 1_048_576;
/** Less would not hold a page for each size that one series needs. */
const MIN_PAGES = 16;
const MAX_SLABS = 2 ** 14;
const PAGE_UNITS = PAGE_BYTES / UNIT_BYTES;
const PAGE_SHIFT = Math.log2(PAGE_UNITS);
const SLAB_PAGES = SLAB_BYTES / PAGE_BYTES;
const SLAB_UNITS = SLAB_BYTES / UNIT_BYTES;
const SLAB_SHIFT = Math.log2(SLAB_UNITS);
const NONE = -1;

export type Blobs = {
  /** A blob of so many units, with whatever was in it before; or -1. */
  readonly take: (units: number) => number;
  readonly free: (blob: number) => void;
  readonly slabs: readonly Words[];
  /** Of all pages in use. */
  readonly bytes: () => number;
};

/** Where a blob begins in its slab; an even number. */
export const wordOf = (blob: number): number => (blob & (SLAB_UNITS - 1)) << 2;
export const slabOf = (blob: number): number => blob >>> SLAB_SHIFT;

const NO_SLAB: Words = { u32: new Uint32Array(), f64: new Float64Array() };

export const newBlobs = (maxBytes: number, maxUnits: number): Blobs => {
  const maxPages = Math.max(MIN_PAGES, Math.floor(maxBytes / PAGE_BYTES));
  const pages = newPages(maxPages);
  const { slabs, sizes, used, fresh, freed, next, previous } = pages;
  /** By size: a page with room, and from there the others. */
  const roomy = new Int32Array(maxUnits + 1).fill(NONE);
  const link = (page: number): void => {
    const size = sizes[page]!;
    const second = roomy[size]!;
    next[page] = second;
    previous[page] = NONE;
    if (second !== NONE) previous[second] = page;
    roomy[size] = page;
  };
  const unlink = (page: number): void => {
    const before = previous[page]!;
    const after = next[page]!;
    if (before === NONE) roomy[sizes[page]!] = after;
    else next[before] = after;
    if (after !== NONE) previous[after] = before;
  };
  const isFull = (page: number): boolean =>
    freed[page] === NONE && fresh[page]! + sizes[page]! > PAGE_UNITS;
  return {
    take: (units) => {
      let page = roomy[units]!;
      if (page === NONE) {
        page = pages.take(units);
        if (page === NONE) return NONE;
        link(page);
      }
      let blob = freed[page]!;
      if (blob === NONE) {
        blob = (page << PAGE_SHIFT) + fresh[page]!;
        fresh[page]! += units;
      } else {
        // A freed blob holds the number of the one freed before it.
        freed[page] = slabs[slabOf(blob)]!.u32[wordOf(blob)]!;
      }
      used[page]!++;
      if (isFull(page)) unlink(page);
      return blob;
    },
    free: (blob) => {
      const page = blob >>> PAGE_SHIFT;
      const wasFull = isFull(page);
      slabs[slabOf(blob)]!.u32[wordOf(blob)] = freed[page]!;
      freed[page] = blob;
      if (wasFull) link(page);
      if (--used[page]! > 0) return;
      unlink(page);
      pages.free(page);
    },
    slabs,
    bytes: () => pages.count() * PAGE_BYTES,
  };
};

const newPages = (maxPages: number) => {
  const slabCount = Math.min(MAX_SLABS, Math.ceil(maxPages / SLAB_PAGES));
  const all = slabCount * SLAB_PAGES;
  const slabs = Array.from({ length: slabCount }, () => NO_SLAB);
  /** Pages in use, by slab. */
  const busy = new Uint8Array(slabCount);
  const sizes = new Uint16Array(all);
  const fresh = new Uint16Array(all);
  const freed = new Int32Array(all);
  let count = 0;
  /** An empty slab that is kept: a page that comes and goes should not cost a slab each time. */
  let spare = NONE;
  /** One in use first, so that others may become empty; then the spare, then a new one. */
  const openSlab = (): number => {
    const open = busy.findIndex((pages) => pages > 0 && pages < SLAB_PAGES);
    if (open !== NONE) return open;
    const slab = spare === NONE ? busy.indexOf(0) : spare;
    spare = NONE;
    if (slabs[slab] === NO_SLAB) {
      const memory = new ArrayBuffer(SLAB_BYTES);
      slabs[slab] = { u32: new Uint32Array(memory), f64: new Float64Array(memory) };
    }
    return slab;
  };
  return {
    ...{ slabs, sizes, fresh, freed },
    used: new Uint16Array(all),
    next: new Int32Array(all),
    previous: new Int32Array(all),
    count: () => count,
    take: (units: number): number => {
      if (count >= maxPages || count >= all) return NONE;
      const slab = openSlab();
      const page = sizes.indexOf(0, slab * SLAB_PAGES);
      busy[slab]!++;
      count++;
      sizes[page] = units;
      fresh[page] = 0;
      freed[page] = NONE;
      return page;
    },
    free: (page: number): void => {
      const slab = Math.floor(page / SLAB_PAGES);
      sizes[page] = 0;
      count--;
      if (--busy[slab]! > 0) return;
      if (spare === NONE) spare = slab;
      else slabs[slab] = NO_SLAB;
    },
  };
};
