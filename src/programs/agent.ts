/**
 * `novaevo agent`: L1. Looks at this host, its PostgreSQL, scrape targets and probes; keeps what it
 * saw on disk until the hub has stored it. Loads no engine and no page.
 *
 * Shape:  NOVAEVO_AGENT_CONFIG (agent-config.ts), NOVAEVO_LOG. Writes `{"ready":true}` on stdout
 *         once it collects; stops on SIGTERM, SIGINT or the end of its parent.
 * Errors: exit code 2 when its configuration can never work, 1 when its disk failed.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { systemClock } from "../io/clock.ts";
import { nodeDisk } from "../io/disk/adapters/node-disk.ts";
import { faultCode } from "../io/disk/disk.ts";
import { jsonLog, type Log, type LogLevel } from "../io/log/json-log.ts";
import { LogFault, openSegmentLog } from "../io/log/segment-log.ts";
import { EXIT_MISCONFIGURED } from "../io/process/child.ts";
import { onStop } from "../io/process/parent.ts";
import { hostCollector } from "../watch/collect/adapters/host-collector.ts";
import { hubOverHttp } from "../watch/collect/adapters/hub-http.ts";
import { postgresqlCollector } from "../watch/collect/adapters/postgresql.ts";
import { dnsProbe } from "../watch/collect/adapters/dns-probe.ts";
import { httpProbe, tcpProbe } from "../watch/collect/adapters/probes.ts";
import { tlsProbe } from "../watch/collect/adapters/tls-probe.ts";
import { scrapeCollector } from "../watch/collect/adapters/prometheus-scrape.ts";
import { sleep } from "../watch/collect/adapters/sleep.ts";
import { startAgent, type RunningAgent } from "../watch/collect/agent.flow.ts";
import type { Collector } from "../watch/collect/collector.ts";
import { quarantineIn } from "../watch/collect/quarantine.flow.ts";
import { openStream } from "../watch/collect/stream.flow.ts";
import { AGENT_CONFIG, loadAgentConfig, type AgentConfig } from "./agent-config.ts";

/** `up` waits 2,500 ms before it kills. */
const CLOSE_MS = 2_300;
const SEGMENT_BYTES = 4 * 1024 * 1024;
const STREAM_SUFFIX_BYTES = 4;
const MISPLACED = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENAMETOOLONG"]);
const LEVELS: readonly string[] = ["debug", "info", "warn", "error"] satisfies LogLevel[];

export const runAgent = async (): Promise<number> => {
  const level = process.env["NOVAEVO_LOG"] ?? "info";
  const log = jsonLog("agent", LEVELS.includes(level) ? { level: level as LogLevel } : {});
  const config = loadAgentConfig(process.env);
  if (!config.ok) {
    process.stderr.write(config.error.map((fault) => `novaevo agent: ${fault}\n`).join(""));
    return EXIT_MISCONFIGURED;
  }
  try {
    const agent = await openAgent(config.value, log);
    // Not before: listening for the parent's end would keep a failed start alive.
    const asked = new Promise<string>((resolve) => onStop(resolve));
    process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
    const broken = agent.broken.then((fault) => {
      log.error("the buffer's disk failed", { why: fault.message });
      return undefined;
    });
    const why = await Promise.race([asked, broken]);
    log.info("stopping", { why: why ?? "the disk failed" });
    const code = why === undefined ? 1 : 0;
    // Whatever hangs, the process ends: what the buffer took is on disk already.
    setTimeout(() => process.exit(code), CLOSE_MS).unref();
    await agent.stop();
    process.exit(code);
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    if (MISPLACED.has(faultCode(fault))) {
      const place = `${AGENT_CONFIG}: dataDir: ${config.value.dataDir}`;
      process.stderr.write(`novaevo agent: ${place} cannot be used: ${why}\n`);
      return EXIT_MISCONFIGURED;
    }
    const isOurs = fault instanceof LogFault || faultCode(fault) !== "";
    log.error("the agent cannot start", { why, ...(isOurs ? {} : { fault }) });
    return 1;
  }
};

const openAgent = async (config: AgentConfig, log: Log): Promise<RunningAgent> => {
  const { agentId, dataDir, hubUrl, maxBufferBytes } = config;
  const say = (message: string, fields: Readonly<Record<string, unknown>>): void =>
    log.info(message, fields);
  const dir = path.join(dataDir, "buffer");
  // First, because it holds the lock: the rest of the folder is ours alone afterwards.
  const buffer = await openSegmentLog({
    dir,
    maxBytes: maxBufferBytes,
    maxSegmentBytes: Math.min(SEGMENT_BYTES, Math.floor(maxBufferBytes / 4)),
  });
  try {
    const stream = await openStream(
      { disk: nodeDisk, randomHex: () => randomBytes(STREAM_SUFFIX_BYTES).toString("hex") },
      { dir, agentId },
    );
    const streamId = stream.id;
    return startAgent(
      {
        clock: systemClock,
        sleep,
        random: Math.random,
        compress: zstdCompressSync,
        decompress: zstdDecompressSync,
        log: buffer,
        link: hubOverHttp({ hubUrl, token: () => readFile(config.tokenFile, "utf8") }),
        stream,
        quarantine: quarantineIn({ disk: nodeDisk, streamId, say }, path.join(dataDir, "refused")),
        say,
      },
      {
        host: config.host,
        intervalMs: config.intervalMs,
        maxBufferBytes,
        collectors: collectorsOf(config),
      },
    );
  } catch (fault) {
    await buffer.close();
    throw fault;
  }
};

const collectorsOf = (config: AgentConfig): readonly Collector[] => {
  const { host, intervalMs, timeoutMs, scrapes, probes, processes, postgres } = config;
  const clock = systemClock;
  const onHost = { host };
  // A target that is asked says more about its service than a process that merely exists.
  const asked = new Set([
    ...scrapes.map(({ labels }) => labels["service"]),
    ...(postgres === undefined ? [] : [postgres.service]),
  ]);
  return [
    hostCollector(
      { clock, sleep },
      {
        host,
        intervalMs,
        timeoutMs,
        processes: processes.map(({ name, service, pid, pidFile }) => ({
          name,
          service,
          pid,
          pidFile,
          saysUp: !asked.has(service),
        })),
      },
    ),
    ...scrapes.map((scrape) => scrapeCollector(clock, { ...scrape, externalLabels: onHost })),
    ...probes.map((probe) => probeOf(probe, onHost)),
    ...(postgres === undefined ? [] : [postgresqlCollector(clock, { ...postgres, host })]),
  ];
};

const probeOf = (
  { target, ...probe }: AgentConfig["probes"][number],
  onHost: Readonly<Record<string, string>>,
): Collector => {
  const options = { ...probe, labels: { ...onHost, ...probe.labels } };
  switch (target.kind) {
    case "http":
      return httpProbe(systemClock, { ...options, ...target });
    case "tcp":
      return tcpProbe(systemClock, { ...options, ...target });
    case "tls":
      return tlsProbe(systemClock, { ...options, ...target });
    case "dns":
      return dnsProbe(systemClock, { ...options, ...target });
  }
};
