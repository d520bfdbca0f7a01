/**
 * The API of a running NovaEvo, for commands: where it is, with which token, and answers checked
 * against the contract.
 *
 * Errors: throws a Misuse for an address that is none, a Refusal when there is no token; what the
 *         server refuses is a Problem.
 */
import path from "node:path";
import type { z } from "zod";
import { ROUTES } from "../../contract/index.ts";
import { newClient, type CallInput, type CallKey, type ReplyOf } from "../../contract/client.ts";
import type { RouteSpec } from "../../contract/route.ts";
import { LOOPBACK_HOSTS } from "../../io/http/origin.ts";
import { readSecretFile } from "../../io/secret/secret-file.ts";
import { problem, type Result } from "../../kernel/result.ts";
import type { Config } from "../config.ts";
import { Refusal } from "../data-dir.ts";
import type { Asked } from "./action.ts";
import { configOf, OK } from "./command.ts";
import { Misuse } from "./parse.ts";

export type Api = <K extends CallKey>(key: K, input?: CallInput) => Promise<Result<ReplyOf<K>>>;

export const apiOf = async (asked: Asked): Promise<Api> => {
  const config = await configOf(asked);
  const base = addressOf(asked, config);
  const call = newClient({ fetch, base, token: await tokenOf(asked, config) });
  return async (key, input) => {
    const answer = await call(key, input);
    if (!answer.ok) return answer;
    const parsed = replySchema(key).safeParse(answer.value);
    if (parsed.success) return { ok: true, value: parsed.data as never };
    return problem("unavailable", `${base} answers ${key} as no NovaEvo this program knows`);
  };
};

/** One call, and what it answered: for people as lines, or as JSON. */
export const ask = async <K extends CallKey>(
  asked: Asked,
  key: K,
  input: CallInput,
  lines: (reply: ReplyOf<K>) => readonly string[],
  only: (reply: ReplyOf<K>) => ReplyOf<K> = (reply) => reply,
): Promise<number> => {
  const api = await apiOf(asked);
  const answer = await api(key, input);
  if (!answer.ok) return asked.fail(answer.error);
  const wanted = only(answer.value);
  asked.show(wanted, () => lines(wanted));
  return OK;
};

export const addressOf = (asked: Pick<Asked, "flags">, config: Config): string => {
  const said = asked.flags["url"] ?? process.env["NOVAEVO_URL"];
  if (said === undefined || said === "" || said === true) {
    if (config.port === 0) throw new Misuse("port 0 is any free one: say which with --url");
    const host = config.host.includes(":") ? `[${config.host}]` : config.host;
    return `http://${host}:${config.port}`;
  }
  const url = URL.parse(said);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Misuse(`--url: "${said.slice(0, 80)}" is not http(s)://host:port`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Misuse("--url: a secret in an address is seen by others; use --token-file");
  }
  const loopback: readonly string[] = LOOPBACK_HOSTS;
  if (url.protocol === "http:" && !loopback.includes(url.hostname)) {
    throw new Misuse(`--url: the token would cross the network in the clear; use https://`);
  }
  return url.origin;
};

const tokenOf = async ({ flags }: Asked, config: Config): Promise<string> => {
  const named = flags["token-file"];
  const given = process.env["NOVAEVO_TOKEN"];
  if (named === undefined && given !== undefined && given !== "") return given.trim();
  const file = typeof named === "string" ? named : path.join(config.dataDir, "admin-token");
  const text = await readSecretFile(file).catch((fault: unknown) => {
    throw new Refusal(fault instanceof Error ? fault.message : String(fault), { cause: fault });
  });
  if (text === undefined) {
    throw new Refusal(`no token in ${file}; start NovaEvo first, or set NOVAEVO_TOKEN`);
  }
  return text.trim();
};

const replySchema = (key: CallKey): z.ZodType => {
  const rows: readonly RouteSpec[] = ROUTES;
  const found = rows.find(({ method, path: name }) => `${method} ${name}` === key);
  if (found?.reply === undefined) throw new Error(`${key} is not in the contract`);
  return found.reply;
};
