/** `novaevo ledger`: what was decided, proofs of it, and whether anybody changed it since. */
import { readFile, stat } from "node:fs/promises";
import { openDb, isUnavailable } from "../../io/postgres/db.ts";
import { sha256, verifierOf } from "../../ledger/adapters/node-crypto.ts";
import { headFile } from "../../ledger/adapters/head-file.ts";
import { readLedgerVerifier } from "../../ledger/adapters/key-file.ts";
import { checkLedger } from "../../ledger/ledger.flow.ts";
import { parseVerifierKey, type Verifier } from "../../ledger/note.ts";
import { verifyEntryProof } from "../../ledger/proof.ts";
import { describeReport } from "../../ledger/verify.ts";
import type { ReplyOf } from "../../contract/client.ts";
import type { Config } from "../config.ts";
import { Refusal } from "../data-dir.ts";
import { databaseAddress } from "../running.ts";
import { apiOf, ask } from "./api.ts";
import { API_FLAGS } from "./api-flags.ts";
import type { Asked, Command } from "./action.ts";
import { configOf, OK, PROBLEM } from "./command.ts";
import { wholeNumber, type Flag } from "./parse.ts";
import { table } from "./text.ts";

const MAX_PAGE = 200;
const MAX_FILE_BYTES = 1024 * 1024;
const KEY: Flag = { value: "FILE", says: "the ledger's public key (else <data>/ledger-key.pub)" };

export const ledger: Command = {
  summary: "The tamper-evident ledger: list, prove, verify",
  verbs: {
    list: {
      summary: "Entries, newest first",
      flags: {
        limit: { value: "N", says: `at most ${MAX_PAGE}; 50 if not given` },
        cursor: { value: "CURSOR", says: "where the page before ended" },
        ...API_FLAGS,
      },
      run: (asked) => {
        const limit = wholeNumber(asked.flags, "limit", { min: 1, max: MAX_PAGE });
        const { cursor } = asked.flags;
        const query = { limit, cursor: cursor === true ? undefined : cursor };
        return ask(asked, "GET ledger", { query }, listLines);
      },
    },
    prove: {
      summary: "An entry with its proof, by its place or id; checked here before it is shown",
      words: ["SEQ"],
      flags: { key: KEY, ...API_FLAGS },
      run: prove,
    },
    verify: {
      summary: "Recompute the whole ledger, or check one proof",
      words: ["[PROOF]"],
      flags: {
        key: KEY,
        api: { says: "let the running hub do it, and believe it" },
        ...API_FLAGS,
      },
      notes: [
        "Reads the database by itself: DATABASE_URL, or the embedded one while NovaEvo runs.",
        "Exit code 1 when an entry was edited, removed, moved or cut off.",
      ],
      run: (asked) => {
        const [proof] = asked.words;
        if (proof !== undefined) return verifyProof(asked, proof);
        const { api, url } = asked.flags;
        return api === true || url !== undefined ? verifyOverApi(asked) : verifyRows(asked);
      },
    },
  },
};

/** Over the API, and checked here: what is shown is proven by the key this side has. */
async function prove(asked: Asked): Promise<number> {
  const [id = ""] = asked.words;
  const verifier = await verifierFor(asked, await configOf(asked));
  const api = await apiOf(asked);
  const proof = await api("GET ledgerProof", { params: { id } });
  if (!proof.ok) return asked.fail(proof.error);
  const checked = verifyEntryProof({ sha256, verifiers: [verifier] })(proof.value);
  if (!checked.ok) return asked.fail(`the proof does not hold: ${checked.error}`);
  asked.show(proof.value, () => [
    JSON.stringify(proof.value["entry"], undefined, 2),
    `proven: entry ${String(proof.value["seq"])} of ${checked.value.size}, signed by ${verifier.key.name}`,
  ]);
  return OK;
}

const verifyProof = async (asked: Asked, file: string): Promise<number> => {
  const verifier = await verifierFor(asked, await configOf(asked));
  let proof: unknown;
  try {
    proof = JSON.parse(await readSmall(file));
  } catch (fault) {
    if (fault instanceof SyntaxError) return asked.fail(`${file}: is not JSON`);
    throw fault;
  }
  const checked = verifyEntryProof({ sha256, verifiers: [verifier] })(proof);
  if (!checked.ok) return asked.fail(`${file}: ${checked.error}`);
  const { size, origin } = checked.value;
  asked.show({ ok: true, size, origin }, () => [
    `proven: the entry is in the ledger that ${origin} signed at ${size} entries`,
  ]);
  return OK;
};

/** From the rows themselves: a hub that lies is found out too. */
const verifyRows = async (asked: Asked): Promise<number> => {
  const config = await configOf(asked);
  const verifier = await verifierFor(asked, config);
  const address = await databaseAddress(config);
  if (address === undefined) {
    throw new Refusal(
      "no database is known: start NovaEvo, set DATABASE_URL, or ask a running hub with --api",
    );
  }
  const db = openDb({ connectionString: address, max: 1, name: "novaevo-verify" });
  try {
    const remembered = await headFile(config.dataDir).read();
    const report = await checkLedger({ sql: db, verifiers: [verifier] })(remembered);
    asked.show(report, () => [
      ...describeReport(report),
      ...(remembered === undefined ? ["(no head is remembered outside the database yet)"] : []),
    ]);
    return report.ok ? OK : PROBLEM;
  } catch (fault) {
    if (!isUnavailable(fault)) throw fault;
    throw new Refusal(
      "PostgreSQL does not answer: start NovaEvo, or set DATABASE_URL to the one it uses",
      { cause: fault },
    );
  } finally {
    await db.close();
  }
};

const verifyOverApi = async (asked: Asked): Promise<number> => {
  const api = await apiOf(asked);
  const answer = await api("POST ledgerCheck");
  if (!answer.ok) return asked.fail(answer.error);
  const { ok, entries, faults } = answer.value;
  asked.show(answer.value, () => [
    ok ? `ledger intact, says the hub: ${entries} entries` : "LEDGER NOT INTACT, says the hub",
    ...faults.map(({ kind, message }) => `  ${kind}: ${message}`),
  ]);
  return ok ? OK : PROBLEM;
};

const verifierFor = async ({ flags }: Asked, config: Config): Promise<Verifier> => {
  const { key: file } = flags;
  if (typeof file === "string") {
    const key = parseVerifierKey(sha256, await readSmall(file));
    if (!key.ok) throw new Refusal(`${file}: the public key ${key.error}`);
    return verifierOf(key.value);
  }
  const found = await readLedgerVerifier(config.dataDir);
  if (found !== undefined) return found;
  throw new Refusal(`no ledger-key.pub in ${config.dataDir}: name the public key with --key FILE`);
};

const readSmall = async (file: string): Promise<string> => {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > MAX_FILE_BYTES) {
    throw new Refusal(`${file}: is not a readable file of at most 1 MiB`);
  }
  return readFile(file, "utf8");
};

const listLines = ({ items, next }: ReplyOf<"GET ledger">): readonly string[] => [
  ...table(
    ["SEQ", "AT", "KIND", "SUBJECT", "ACTOR", "ID"],
    items.map((one) => [
      one.seq === null ? "—" : String(one.seq),
      one.at,
      one.kind,
      one.subject,
      one.actor,
      one.id,
    ]),
  ),
  ...(next === undefined ? [] : [`more: --cursor ${next}`]),
];
