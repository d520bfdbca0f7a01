/**
 * Debian's Prometheus as a peer: started on a folder of its own, filled by remote write, asked
 * over its HTTP API.
 *
 * Shape:  `startPrometheus(dir)` resolves once it answers; `fill` sends series with many samples
 *         each, in the order they are given.
 * Units:  ms; sample values as their bits, so that stale markers arrive whole.
 * Errors: throws what Prometheus said when it does not start or refuses a request.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { compress } from "snappy";
import { freePort } from "../../src/io/process/port.ts";
import { putVarint, type Series, varintSize } from "../../src/watch/collect/series.ts";

export const PROMETHEUS = process.env["PROMETHEUS"] ?? "/usr/bin/prometheus";
export const hasPrometheus = (): boolean => existsSync(PROMETHEUS);

export type Peer = {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
  readonly fill: (lines: readonly Line[]) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** `count` samples of one series, in order of time. */
export type Line = {
  readonly series: Pick<Series, "wire">;
  readonly timesMs: Float64Array;
  readonly values: Float64Array;
  readonly count: number;
};

const LISTENING = /msg="Listening on" address=(\S+)/;

export const startPrometheus = async (
  dir: string,
  flags: readonly string[] = [],
  configOf: (address: string) => Promise<string> = async () => "{}\n",
): Promise<Peer> => {
  await mkdir(dir, { recursive: true });
  const config = path.join(dir, "prometheus.yml");
  const listens = `127.0.0.1:${await freePort()}`;
  await writeFile(config, await configOf(listens));
  const child = spawn(
    PROMETHEUS,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${path.join(dir, "data")}`,
      `--web.listen-address=${listens}`,
      "--web.enable-remote-write-receiver",
      ...flags,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  const address = await new Promise<string>((resolve, reject) => {
    lines.on("line", (line) => {
      said.push(line);
      const found = LISTENING.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    const ended = (why: string): void =>
      reject(new Error(`prometheus ended ${why}: ${said.slice(-5).join("\n")}`));
    child.once("error", (fault) => ended(String(fault)));
    child.once("close", () => ended("before it listened"));
  });
  const url = `http://${address}`;
  await answers(`${url}/-/ready`);
  const build = await fetch(`${url}/api/v1/status/buildinfo`);
  const { data } = (await build.json()) as { data: { version: string } };
  return {
    ...{ url, pid: child.pid!, version: data.version },
    fill: (some) => write(url, some),
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
    },
  };
};

/** It listens before it has read its log: 503 until then. */
const answers = async (url: string): Promise<void> => {
  for (;;) {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    if (answer.ok) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

const write = async (url: string, lines: readonly Line[]): Promise<void> => {
  const answer = await fetch(`${url}/api/v1/write`, {
    method: "POST",
    headers: {
      "content-type": "application/x-protobuf",
      "content-encoding": "snappy",
      "x-prometheus-remote-write-version": "0.1.0",
    },
    body: new Uint8Array(await compress(encodeLines(lines))),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`remote write: ${answer.status} ${text}`);
};

const TIMESERIES_TAG = 0x0a;
const SAMPLE_TAG = 0x12;
const DOUBLE_TAG = 0x09;
const TIME_TAG = 0x10;
const DOUBLE_BYTES = 8;

const sampleSize = (timeMs: number): number => 2 + DOUBLE_BYTES + varintSize(timeMs);

const encodeLines = (lines: readonly Line[]): Buffer => {
  const sizes = lines.map(({ series, timesMs, count }) => {
    let size = series.wire.length;
    for (let i = 0; i < count; i++) size += 2 + sampleSize(timesMs[i]!);
    return size;
  });
  const bytes = Buffer.alloc(sizes.reduce((sum, size) => sum + 1 + varintSize(size) + size, 0));
  let at = 0;
  for (const [nth, { series, timesMs, values, count }] of lines.entries()) {
    bytes[at] = TIMESERIES_TAG;
    at = putVarint(bytes, at + 1, sizes[nth]!);
    bytes.set(series.wire, at);
    at += series.wire.length;
    const bits = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let i = 0; i < count; i++) {
      bytes[at] = SAMPLE_TAG;
      bytes[at + 1] = sampleSize(timesMs[i]!);
      bytes[at + 2] = DOUBLE_TAG;
      bytes.set(bits.subarray(i * DOUBLE_BYTES, (i + 1) * DOUBLE_BYTES), at + 3);
      bytes[at + 3 + DOUBLE_BYTES] = TIME_TAG;
      at = putVarint(bytes, at + 4 + DOUBLE_BYTES, timesMs[i]!);
    }
  }
  return bytes;
};
