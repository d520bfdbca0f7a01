/** Every way to change what was recorded, done to a real PostgreSQL by its owner, is found. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newSigningKey, sha256, signerOf } from "../../src/ledger/adapters/node-crypto.ts";
import { entryLeaf } from "../../src/ledger/entry.ts";
import { EMPTY_FRONTIER, extend, hashLeaf, rootOf } from "../../src/ledger/merkle.ts";
import { signCheckpoint } from "../../src/ledger/note.ts";
import { ledgerRows } from "../../src/ledger/tree.store.ts";
import { describeReport } from "../../src/ledger/verify.ts";
import type { LedgerReport } from "../../src/ledger/verify.ts";
import { ledgerLab } from "./ledger-lab.ts";
import type { LedgerLab } from "./ledger-lab.ts";

let lab: LedgerLab;
beforeEach(async () => {
  lab = await ledgerLab();
  await lab.grow(5);
  await lab.grow(6);
  await lab.grow(2);
});
afterEach(() => lab.db.close());

const kindsOf = (report: LedgerReport) => [...new Set(report.findings.map((f) => f.kind))];
const text = (report: LedgerReport) => describeReport(report).join("\n");
const hexOf = (hash: Uint8Array) => `'\\x${Buffer.from(hash).toString("hex")}'`;

/** The hash entry 4 would have if it had said something else from the start. */
const forgedLeaf = async (body: { readonly [key: string]: string }): Promise<Uint8Array> => {
  const [entry] = await ledgerRows(lab.db).entriesFrom(4, 1);
  if (entry === undefined) throw new Error("entry 4 must be there");
  const made = entryLeaf({ ...entry, body });
  if (!made.ok) throw new Error(made.error);
  return hashLeaf(sha256, made.value.leaf);
};

/** Rebuilds nodes and frontier from whatever the entries say now, as a thorough forger would. */
const regrow = async (): Promise<{ size: number; root: Uint8Array }> => {
  const entries = await ledgerRows(lab.db).entriesFrom(0, 1_000);
  const leaves = entries.map((entry) => entry.leafHash);
  const { frontier, nodes } = extend(sha256, EMPTY_FRONTIER, leaves);
  const roots = frontier.roots.map((root) => `${hexOf(root)}::bytea`).join(",");
  await lab.tamper(
    "DELETE FROM ledger_node",
    ...nodes.map(
      (n) => `INSERT INTO ledger_node VALUES (${n.level}, ${n.index}, ${hexOf(n.hash)})`,
    ),
    `UPDATE ledger_tree SET size = ${frontier.size}, roots = ARRAY[${roots}]`,
  );
  return { size: frontier.size, root: rootOf(sha256, frontier) };
};

describe("a ledger nobody touched", () => {
  test("is intact, against its heads and against the remembered one", async () => {
    const report = await lab.check(lab.remembered());
    expect(text(report)).toBe(
      "ledger intact: 13 entries in their places, 13 of them under a signed head",
    );
    expect(report).toMatchObject({ ok: true, size: 13, signedSize: 13, pending: 0 });
  });

  test("is intact against any head it ever had, and with entries that wait", async () => {
    const first = lab.remembered();
    await lab.grow(4);
    await lab.db.tx(async (tx) => {
      const { record } = await import("../../src/ledger/record.store.ts");
      await record(tx, { kind: "a.b", actor: "system:hub", subject: "x", body: {} });
    });
    expect(await lab.check(first)).toMatchObject({ ok: true, size: 17, pending: 1 });
  });

  test("is intact when it is empty", async () => {
    const empty = await ledgerLab();
    expect(await empty.check()).toMatchObject({ ok: true, size: 0, findings: [] });
    await empty.db.close();
  });

  test("passes over more than one page of entries", async () => {
    await lab.db.query(
      `INSERT INTO ledger_entry (id, kind, actor, subject, at_ms, body, leaf_hash)
       SELECT gen_random_uuid(), 'a.b', 'system:hub', 'x', 0, '{}', sha256(int4send(n))
       FROM generate_series(1, 5000) n`,
    );
    for (let turn = 0; turn < 6; turn += 1) {
      lab.pass(1_000);
      await lab.main.tick();
    }
    const report = await lab.check(lab.remembered());
    // The hashes are made up, so each entry is an edit, and nothing but an edit.
    expect(kindsOf(report)).toEqual(["edited"]);
    expect(report).toMatchObject({ findingsTotal: 5_000, size: 5_013, signedSize: 5_013 });
  });
});

describe("an edit", () => {
  test.each([
    { title: "of a body", set: `body = '{"at":4,"note":"autre"}'` },
    { title: "of the actor", set: `actor = 'account:2'` },
    { title: "of the time", set: "at_ms = at_ms - 1" },
    { title: "of the kind", set: `kind = 'test.refused'` },
    { title: "of the subject", set: `subject = 'case:9'` },
    { title: "of the white space in a body", set: `body = body || ' '` },
    { title: "into something that is no JSON", set: `body = 'x'` },
  ])("$title is found, and names the entry", async ({ set }) => {
    await lab.tamper(`UPDATE ledger_entry SET ${set} WHERE seq = 4`);
    const report = await lab.check();
    expect(kindsOf(report)).toEqual(["edited"]);
    expect(text(report)).toContain("entry 4 (");
  });

  test("with a hash that fits is found by the nodes and the signed heads", async () => {
    const body = { forged: "yes" };
    const leaf = hexOf(await forgedLeaf(body));
    await lab.tamper(
      `UPDATE ledger_entry SET body = '{"forged":"yes"}', leaf_hash = ${leaf} WHERE seq = 4`,
    );
    const report = await lab.check();
    expect(kindsOf(report)).toEqual(["rewritten", "misplaced", "damaged_tree"]);
    expect(text(report)).toContain("entries 4 to 5 not the ones placed there");
  });

  test("with the whole tree made to fit is found by the signed heads", async () => {
    const leaf = hexOf(await forgedLeaf({ forged: "yes" }));
    await lab.tamper(
      `UPDATE ledger_entry SET body = '{"forged":"yes"}', leaf_hash = ${leaf} WHERE seq = 4`,
    );
    await regrow();
    const report = await lab.check();
    expect(kindsOf(report)).toEqual(["rewritten"]);
    expect(text(report)).toContain("the first 5 entries are not those of the head signed there");
  });

  test("by whoever has the key too is found by the remembered head, and by nothing else", async () => {
    const leaf = hexOf(await forgedLeaf({ forged: "yes" }));
    await lab.tamper(
      `UPDATE ledger_entry SET body = '{"forged":"yes"}', leaf_hash = ${leaf} WHERE seq = 4`,
    );
    const { size, root } = await regrow();
    const note = signCheckpoint(lab.signer, { origin: lab.signer.key.name, size, root });
    await lab.tamper(
      "DELETE FROM ledger_head",
      `INSERT INTO ledger_head VALUES (${size}, '${note}', 0)`,
    );
    expect((await lab.check()).ok).toBe(true);
    const report = await lab.check(lab.remembered());
    expect(kindsOf(report)).toEqual(["rewritten"]);
    expect(text(report)).toContain("the first 13 entries are not those of the remembered head");
  });

  test("of an entry that still waits for its place is found", async () => {
    const { record } = await import("../../src/ledger/record.store.ts");
    await lab.db.tx((tx) =>
      record(tx, { kind: "a.b", actor: "system:hub", subject: "x", body: { a: 1 } }),
    );
    await lab.tamper(`UPDATE ledger_entry SET body = '{"a":2}' WHERE seq IS NULL`);
    expect(text(await lab.check())).toContain("edited: waiting entry (a.b,");
  });
});

describe("a deletion", () => {
  test("of one entry is found", async () => {
    await lab.tamper("DELETE FROM ledger_entry WHERE seq = 7");
    expect(text(await lab.check())).toContain("missing: entry 7 missing");
  });

  test("with the others moved up is found by the heads", async () => {
    await lab.tamper(
      "DELETE FROM ledger_entry WHERE seq = 7",
      "UPDATE ledger_entry SET seq = seq - 100 WHERE false",
      "UPDATE ledger_entry SET seq = seq + 100 WHERE seq > 7",
      "UPDATE ledger_entry SET seq = seq - 101 WHERE seq > 100",
    );
    await regrow();
    expect(kindsOf(await lab.check())).toEqual(["truncated", "rewritten"]);
  });

  test("of a node that proofs need is found", async () => {
    await lab.tamper("DELETE FROM ledger_node WHERE level = 2 AND idx = 1");
    const report = await lab.check();
    expect(text(report)).toContain("damaged_tree: entries 4 to 7 lost a node of the tree");
  });

  test("of everything is found by the remembered head", async () => {
    await lab.tamper(
      "DELETE FROM ledger_entry",
      "DELETE FROM ledger_node",
      "DELETE FROM ledger_head",
      "UPDATE ledger_tree SET size = 0, roots = '{}'",
    );
    expect((await lab.check()).ok).toBe(true);
    expect(text(await lab.check(lab.remembered()))).toContain(
      "truncated: the last remembered head covers 13 entries, 0 are left",
    );
  });
});

test("a reorder is found, and says where", async () => {
  await lab.tamper(
    "UPDATE ledger_entry SET seq = 100 WHERE seq = 2",
    "UPDATE ledger_entry SET seq = 2 WHERE seq = 3",
    "UPDATE ledger_entry SET seq = 3 WHERE seq = 100",
  );
  const report = await lab.check();
  expect(kindsOf(report)).toEqual(["rewritten", "misplaced", "damaged_tree"]);
  expect(text(report)).toContain("misplaced: entries 2 to 3 not the ones placed there");
});

test("a second entry in a place is found", async () => {
  await lab.tamper("DROP INDEX ledger_entry_seq", "UPDATE ledger_entry SET seq = 4 WHERE seq = 5");
  expect(kindsOf(await lab.check())).toContain("misplaced");
});

describe("a truncation", () => {
  const cut = ["DELETE FROM ledger_entry WHERE seq >= 11"];
  test("of the entries alone is found", async () => {
    await lab.tamper(...cut);
    expect(text(await lab.check())).toContain("missing: entries 11 to 12 missing");
  });

  test("with a tree that fits is found by the signed head", async () => {
    await lab.tamper(...cut);
    await regrow();
    expect(text(await lab.check())).toContain(
      "truncated: the last signed head covers 13 entries, 11 are left",
    );
  });

  test("with a tree and heads that fit is found by the remembered head only", async () => {
    await lab.tamper(...cut, "DELETE FROM ledger_head WHERE size > 11");
    await regrow();
    expect((await lab.check()).ok).toBe(true);
    expect(kindsOf(await lab.check(lab.remembered()))).toEqual(["truncated"]);
  });

  test("after which the sequencer signs nothing more, and says so once", async () => {
    await lab.tamper(...cut, "DELETE FROM ledger_head WHERE size > 11");
    await regrow();
    await lab.grow(3);
    lab.pass(1_000);
    expect((await lab.main.tick()).state).toBe("forked");
    expect(lab.faults).toEqual([expect.stringContaining("nothing is signed")]);
    const heads = await lab.db.query<{ size: string }>("SELECT max(size) AS size FROM ledger_head");
    expect(Number(heads[0]?.size)).toBe(11);
  });

  test("is signed over when nothing was remembered: the control", async () => {
    await lab.tamper(...cut, "DELETE FROM ledger_head WHERE size > 11");
    await regrow();
    lab.remember(undefined);
    await lab.grow(3);
    lab.pass(1_000);
    expect((await lab.main.tick()).state).toBe("leading");
    expect((await lab.check()).signedSize).toBe(14);
  });
});

describe("a forged head", () => {
  test("by another key is found", async () => {
    const impostor = signerOf(newSigningKey(), () => lab.signer.key.name);
    const head = { origin: lab.signer.key.name, size: 13, root: new Uint8Array(32) };
    await lab.tamper(
      `UPDATE ledger_head SET note = '${signCheckpoint(impostor, head)}' WHERE size = 13`,
    );
    expect(text(await lab.check())).toContain(
      "forged_head: the head at 13 entries is not signed by the ledger's key",
    );
  });

  test("that is a genuine one filed elsewhere is found", async () => {
    await lab.tamper(
      "UPDATE ledger_head SET note = (SELECT note FROM ledger_head WHERE size = 5) WHERE size = 11",
    );
    expect(text(await lab.check())).toContain("is filed under 11 but says 5");
  });

  test("is found behind a missing entry too", async () => {
    await lab.tamper(
      "DELETE FROM ledger_entry WHERE seq = 0",
      "UPDATE ledger_head SET note = 'x' WHERE size = 13",
    );
    expect(kindsOf(await lab.check())).toEqual(["missing", "forged_head"]);
  });

  test("in the place where heads are remembered is found", async () => {
    expect(kindsOf(await lab.check("nonsense"))).toEqual(["unreadable_memory"]);
  });
});

test("a frontier that is not that of the entries is found before anything is built on it", async () => {
  await lab.tamper("UPDATE ledger_tree SET roots[1] = sha256('x')");
  expect(kindsOf(await lab.check())).toEqual(["damaged_tree"]);
});
