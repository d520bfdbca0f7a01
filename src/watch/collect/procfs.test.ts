/** What Linux writes, as copied from machines; the figures were added up by hand. */
import { describe, expect, test } from "vitest";
import {
  parseCpuStat,
  parseDisks,
  parseLoad,
  parseMemory,
  parseMounts,
  parseNetwork,
  parseProcessMemory,
  parseProcessStat,
} from "./procfs.ts";

test("/proc/stat: ticks are hundredths of a second, processors are counted", () => {
  const text = [
    "cpu  1000 20 300 4000 50 6 7 8 0 0",
    "cpu0 500 10 150 2000 25 3 4 4 0 0",
    "cpu1 500 10 150 2000 25 3 3 4 0 0",
    "intr 1 2 3",
  ].join("\n");
  expect(parseCpuStat(text)).toEqual({
    cpus: 2,
    seconds: {
      user: 10,
      nice: 0.2,
      system: 3,
      idle: 40,
      iowait: 0.5,
      irq: 0.06,
      softirq: 0.07,
      steal: 0.08,
    },
  });
  expect(parseCpuStat("")).toBeUndefined();
});

test("/proc/loadavg", () => {
  expect(parseLoad("0.50 1.25 2.00 1/123 4567\n")).toEqual([0.5, 1.25, 2]);
  expect(parseLoad("")).toBeUndefined();
  expect(parseLoad("a b c")).toBeUndefined();
});

describe("/proc/meminfo", () => {
  test("in bytes, with what can be reclaimed", () => {
    const text = [
      "MemTotal:       1000 kB",
      "MemFree:         200 kB",
      "MemAvailable:    600 kB",
      "Buffers:          10 kB",
      "Cached:          300 kB",
      "SwapCached:        5 kB",
      "SwapTotal:       100 kB",
      "SwapFree:         40 kB",
      "SReclaimable:     20 kB",
    ].join("\n");
    expect(parseMemory(text)).toEqual({
      totalBytes: 1000 * 1024,
      freeBytes: 200 * 1024,
      availableBytes: 600 * 1024,
      buffersBytes: 10 * 1024,
      cachedBytes: 320 * 1024,
      swapTotalBytes: 100 * 1024,
      swapFreeBytes: 40 * 1024,
    });
  });

  test("of an old kernel, what is available is estimated", () => {
    const text = "MemTotal: 1000 kB\nMemFree: 200 kB\nBuffers: 10 kB\nCached: 300 kB\n";
    expect(parseMemory(text)?.availableBytes).toBe(510 * 1024);
  });

  test("without a total there is no memory", () => {
    expect(parseMemory("MemFree: 1 kB")).toBeUndefined();
  });
});

test("/proc/diskstats: whole devices, in bytes and seconds", () => {
  const text = [
    "   8       0 sda 100 5 2000 30 200 6 4000 70 0 1500 100 0 0 0 0 0 0",
    "   8       1 sda1 90 5 1900 30 190 6 3900 70 0 1400 100 0 0 0 0 0 0",
    " 259       0 nvme0n1 1 0 8 0 2 0 16 0 0 250 0 0 0 0 0 0 0",
    " 259       1 nvme0n1p1 1 0 8 0 2 0 16 0 0 250 0 0 0 0 0 0 0",
    "   7       0 loop0 9 0 9 0 9 0 9 0 0 9 9",
    " 253       0 dm-0 3 0 24 0 4 0 32 0 0 500 0",
    "garbage",
  ].join("\n");
  expect(parseDisks(text)).toEqual([
    {
      device: "sda",
      reads: 100,
      readBytes: 2000 * 512,
      writes: 200,
      writeBytes: 4000 * 512,
      ioSeconds: 1.5,
    },
    {
      device: "nvme0n1",
      reads: 1,
      readBytes: 8 * 512,
      writes: 2,
      writeBytes: 16 * 512,
      ioSeconds: 0.25,
    },
    {
      device: "dm-0",
      reads: 3,
      readBytes: 24 * 512,
      writes: 4,
      writeBytes: 32 * 512,
      ioSeconds: 0.5,
    },
  ]);
});

test("/proc/net/dev: without the loopback and pairs of containers", () => {
  const text = [
    "Inter-|   Receive                                                |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop",
    "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0",
    "  eth0:1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0",
    "veth12a: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0",
    "  bad: 1 2",
  ].join("\n");
  expect(parseNetwork(text)).toEqual([
    {
      device: "eth0",
      receive: { bytes: 1000, packets: 10, errors: 1, dropped: 2 },
      transmit: { bytes: 2000, packets: 20, errors: 3, dropped: 4 },
    },
  ]);
});

test("/proc/mounts: one mount a device, what stores something, escapes undone", () => {
  const text = [
    "overlay / overlay rw 0 0",
    "proc /proc proc rw 0 0",
    "/dev/sda1 /etc/hosts ext4 rw 0 0",
    "/dev/sda1 /data ext4 rw 0 0",
    "/dev/sdb1 /my\\040disk xfs rw 0 0",
    "server:/x /net nfs4 rw 0 0",
    "tmpfs /tmp tmpfs rw 0 0",
  ].join("\n");
  expect(parseMounts(text)).toEqual([
    { device: "overlay", path: "/", type: "overlay" },
    { device: "/dev/sda1", path: "/data", type: "ext4" },
    { device: "/dev/sdb1", path: "/my disk", type: "xfs" },
  ]);
});

describe("/proc/<pid>", () => {
  test("stat, with a command that looks like fields", () => {
    const rest = `S 1 2 3 4 5 6 7 8 9 10 100 50 20 30 20 0 1 0 98765 ${"0 ".repeat(30)}`;
    expect(parseProcessStat(`42 (we (ird) 1 2) ${rest}`)).toEqual({
      startTicks: 98765,
      cpuSeconds: 2,
    });
    expect(parseProcessStat("")).toBeUndefined();
  });

  test("status", () => {
    expect(parseProcessMemory("Name:\tx\nVmRSS:\t  100 kB\nRssAnon:\t 40 kB\n")).toEqual({
      residentBytes: 102_400,
      ownBytes: 40_960,
    });
    // A kernel thread has no memory of its own.
    expect(parseProcessMemory("Name:\tkthreadd\n")).toBeUndefined();
  });
});
