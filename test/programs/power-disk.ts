/**
 * A disk whose power can be cut: ext4 in a file, on a loop device.
 *
 * Shape:  `cut` is ext4's shutdown ioctl without a flush of its log: from that moment nothing is
 *         written any more, as when the current fails. `recover` unmounts, has the file system
 *         checked and its journal replayed, and mounts it again.
 *         Whoever writes on it has to be stopped first (SIGSTOP is enough): an fdatasync that is
 *         under way during the ioctl may answer success for what is not kept. Seen with a bare loop
 *         of write and fdatasync, twice in 60 cuts; with the writer stopped before, never.
 * Errors: `whyNoDisk` says in words what this machine lacks: root, a loop device, a program.
 * Source: xfstests, "src/godown.c"; linux/fs/ext4/ext4.h, EXT4_IOC_SHUTDOWN.
 * Limits: what reached the loop device counts as kept; a real disk may still lose its own cache, or
 *         write half a sector.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, open, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { temporary } from "./lab.ts";

const run = promisify(execFile);

export type PowerDisk = {
  /** Where the data folder stands. */
  readonly dir: string;
  readonly cut: () => Promise<void>;
  /** Makes ready to cut: the answer does it at once. */
  readonly armed: () => Promise<() => Promise<void>>;
  readonly recover: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const IMAGE_BYTES = 3 * 1024 ** 3;
const PROBE_BYTES = 16 * 1024 ** 2;
const PERL = "/usr/bin/perl";
/** _IOR('X', 125, __u32), and EXT4_GOING_FLAGS_NOLOGFLUSH. */
const CUT = `open(my $d, "<", $ARGV[0]) or die "$!"; my $f = pack("L", 2);
  $| = 1; print "armed\\n"; <STDIN>; ioctl($d, 0x8004587d, $f) or die "$!";`;
/** Processes that were just killed may hold it for a moment. */
const UNMOUNT_TRIES = 200;
const UNMOUNT_PAUSE_MS = 50;
/** Of e2fsck: 0 is clean, 1 is corrected. */
const MAX_CORRECTED = 1;

export const openPowerDisk = async (bytes: number = IMAGE_BYTES): Promise<PowerDisk> => {
  const home = await temporary("novaevo-power-");
  const image = path.join(home, "disk.img");
  const dir = path.join(home, "mnt");
  let isMounted = false;
  const mount = async (): Promise<void> => {
    await run("mount", ["-t", "ext4", "-o", "loop", image, dir]);
    isMounted = true;
  };
  const unmount = async (): Promise<void> => {
    for (let tries = 1; isMounted; tries += 1) {
      try {
        await run("umount", [dir]);
        isMounted = false;
      } catch (fault) {
        if (tries >= UNMOUNT_TRIES) throw fault;
        await delay(UNMOUNT_PAUSE_MS);
      }
    }
  };
  const armed = async (): Promise<() => Promise<void>> => {
    const perl = spawn(PERL, ["-e", CUT, path.join(dir, "lost+found")], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = once(perl, "exit");
    await Promise.race([once(perl.stdout, "data"), ended]);
    return async () => {
      perl.stdin.end("now\n");
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`the power could not be cut: perl ended with ${code}`);
    };
  };
  const file = await open(image, "wx");
  await file.truncate(bytes);
  await file.close();
  await mkdir(dir);
  try {
    await run("mkfs.ext4", ["-q", "-F", image]);
    await mount();
  } catch (fault) {
    await rm(home, { recursive: true, force: true });
    throw fault;
  }
  return {
    dir,
    armed,
    cut: async () => (await armed())(),
    recover: async () => {
      await unmount();
      await run("e2fsck", ["-f", "-p", image]).catch((fault: unknown) => {
        const code = (fault as { readonly code?: unknown }).code;
        if (typeof code !== "number" || code > MAX_CORRECTED) throw fault;
      });
      await mount();
    },
    close: async () => {
      await unmount();
      await rm(home, { recursive: true, force: true });
    },
  };
};

/** Why there can be no such disk here; undefined where there can. */
export const whyNoDisk = async (): Promise<string | undefined> => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  let disk: PowerDisk | undefined;
  try {
    await access(PERL);
    // Else PostgreSQL's files would have to be elsewhere.
    await run("unshare", ["--user", "--map-user=65534", "true"]);
    disk = await openPowerDisk(PROBE_BYTES);
    await disk.cut();
    await disk.recover();
    return undefined;
  } catch (fault) {
    const [first = ""] = (fault instanceof Error ? fault.message : String(fault)).split("\n");
    return `needs loop devices, ext4, user namespaces and perl: ${first.slice(0, 120)}`;
  } finally {
    await disk?.close().catch(() => undefined);
  }
};
