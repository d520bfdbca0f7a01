/**
 * Memory of the whole of `up` at rest, by process.
 *
 * Shape:  `node bench/memory.ts [restS=60]`; starts `up` on the customer's plan and a fresh folder,
 *         leaves it alone, then sums the PSS of it and of everything it started. The bar is 900 MB.
 * Units:  MB of 10^6 bytes. PSS counts a shared page in parts, one for each process that has it.
 * Errors: needs Linux; a process whose PSS cannot be read ends the run, it is not counted as none.
 * Source: /proc/PID/smaps_rollup, /proc/PID/task/TID/children.
 */
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { faultCode } from "../src/io/disk/disk.ts";
import { removed, startUp, temporary } from "../test/programs/lab.ts";

const BAR_MB = 900;
/** Without any of them the sum would say too little. */
const PARTS = ["up", "hub", "agent", "store", "postgres"];
const KIB = 1024;
const MB = 1e6;

type Found = { readonly name: string; readonly bytes: number };

const main = async (restS: number): Promise<void> => {
  const root = await temporary("novaevo-bench-");
  try {
    const dataDir = path.join(root, "data");
    await mkdir(dataDir);
    const up = await startUp(dataDir);
    try {
      await delay(restS * 1000);
      const all = await treeOf(up.child.pid ?? 0);
      const missing = PARTS.filter((part) => !all.some(({ name }) => name === part));
      if (missing.length > 0) throw new Error(`not found running: ${missing.join(", ")}`);
      print(restS, all);
    } finally {
      await up.stop();
    }
  } finally {
    await removed(root);
  }
};

const treeOf = async (pid: number): Promise<readonly Found[]> => {
  const own = await pssOf(pid);
  const children = await Promise.all((await childrenOf(pid)).map(treeOf));
  return [...(own === undefined ? [] : [own]), ...children.flat()];
};

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/children`, "utf8").catch(() => "")),
  );
  return lists.join(" ").split(/\s+/).filter(Boolean).map(Number);
};

/** Undefined for a process that ended meanwhile: PostgreSQL's workers come and go. */
const pssOf = async (pid: number): Promise<Found | undefined> => {
  try {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
    const kib = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
    if (kib === undefined) throw new Error(`/proc/${pid}/smaps_rollup names no Pss`);
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    return { name: nameOf(words), bytes: Number(kib) * KIB };
  } catch (fault) {
    if (["ENOENT", "ESRCH"].includes(faultCode(fault))) return undefined;
    throw fault;
  }
};

const nameOf = (words: readonly string[]): string => {
  const at = words.findIndex((word) => /novaevo\.(ts|mjs)$/.test(word));
  if (at >= 0) return words[at + 1] ?? "novaevo";
  return /postgres/.test(words[0] ?? "") ? "postgres" : path.basename(words[0] ?? "?");
};

const print = (restS: number, all: readonly Found[]): void => {
  const sums = new Map<string, { bytes: number; count: number }>();
  for (const { name, bytes } of all) {
    const sum = sums.get(name) ?? { bytes: 0, count: 0 };
    sums.set(name, { bytes: sum.bytes + bytes, count: sum.count + 1 });
  }
  console.log(`PSS after ${restS} s at rest, MB`);
  for (const [name, { bytes, count }] of [...sums].toSorted((a, b) => b[1].bytes - a[1].bytes)) {
    const many = count === 1 ? "" : ` (${count} processes)`;
    console.log(`${(bytes / MB).toFixed(0).padStart(6)}  ${name}${many}`);
  }
  const total = all.reduce((sum, { bytes }) => sum + bytes, 0) / MB;
  console.log(`${total.toFixed(0).padStart(6)}  in all; the bar is ≤ ${BAR_MB}`);
};

await main(Number(process.argv[2] ?? 60));
