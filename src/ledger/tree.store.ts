/**
 * The rows of the ledger's tree: entries by place, nodes, frontier, signed heads.
 *
 * Units: `bigint` columns arrive as strings and are exact below 2^53, which a place never reaches.
 */
import type { Sql, Tx } from "../io/postgres/db.ts";
import type { Frontier, Hash, NodeName, TreeNode } from "./merkle.ts";
import type { LedgerSource, StoredEntry, StoredHead } from "./verify.ts";

export const loadFrontier = async (sql: Sql): Promise<Frontier> => {
  const [row] = await sql.query<{ size: string; roots: Buffer[] }>(
    "SELECT size, roots FROM ledger_tree",
  );
  if (row === undefined)
    throw new Error("the ledger's frontier is gone; run: novaevo ledger verify");
  return { size: Number(row.size), roots: row.roots };
};

export type Pending = { readonly id: string; readonly leafHash: Hash };

/** Oldest first: an entry that was committed before another began has the earlier place. */
export const loadPending = async (sql: Sql, limit: number): Promise<readonly Pending[]> => {
  const rows = await sql.query<{ id: string; leaf_hash: Buffer }>(
    "SELECT id, leaf_hash FROM ledger_entry WHERE seq IS NULL ORDER BY arrival LIMIT $1",
    [limit],
  );
  return rows.map((row) => ({ id: row.id, leafHash: row.leaf_hash }));
};

/** How many entries have a place, and how many wait for one. */
export const countEntries = async (
  sql: Sql,
): Promise<{ readonly size: number; readonly pending: number }> => {
  const [row] = await sql.query<{ size: string; pending: string }>(
    `SELECT (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry) AS size,
            (SELECT count(*) FROM ledger_entry WHERE seq IS NULL) AS pending`,
  );
  return { size: Number(row?.size ?? 0), pending: Number(row?.pending ?? 0) };
};

/** Gives the entries the places from `first` on, and stores the tree they make. */
export const place = async (
  tx: Tx,
  placed: {
    readonly ids: readonly string[];
    readonly first: number;
    readonly frontier: Frontier;
    readonly nodes: readonly TreeNode[];
  },
): Promise<void> => {
  const { ids, first, frontier, nodes } = placed;
  await tx.query(
    `UPDATE ledger_entry e SET seq = p.seq
     FROM unnest($1::uuid[], $2::bigint[]) AS p (id, seq) WHERE e.id = p.id`,
    [ids, ids.map((_, at) => first + at)],
  );
  await tx.query(
    `INSERT INTO ledger_node (level, idx, hash)
     SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])`,
    [nodes.map((n) => n.level), nodes.map((n) => n.index), nodes.map((n) => bytes(n.hash))],
  );
  await tx.query("UPDATE ledger_tree SET size = $1, roots = $2::bytea[]", [
    frontier.size,
    frontier.roots.map(bytes),
  ]);
};

/** Hashes of complete nodes, leaves included, in the order asked. */
export const loadNodes = async (
  sql: Sql,
  names: readonly NodeName[],
): Promise<readonly (Hash | undefined)[]> => {
  const rows = await sql.query<{ hash: Buffer | null }>(
    `SELECT CASE WHEN w.level = 0 THEN e.leaf_hash ELSE n.hash END AS hash
     FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS w (level, idx, at)
     LEFT JOIN ledger_entry e ON w.level = 0 AND e.seq = w.idx
     LEFT JOIN ledger_node n ON w.level > 0 AND n.level = w.level AND n.idx = w.idx
     ORDER BY w.at`,
    [names.map((name) => name.level), names.map((name) => name.index)],
  );
  return rows.map((row) => row.hash ?? undefined);
};

export const insertHead = async (tx: Tx, head: StoredHead, signedAtMs: number): Promise<void> => {
  await tx.query("INSERT INTO ledger_head (size, note, signed_at_ms) VALUES ($1, $2, $3)", [
    head.size,
    head.note,
    signedAtMs,
  ]);
};

export const loadLastHead = async (sql: Sql): Promise<StoredHead | undefined> => {
  const [row] = await sql.query<HeadRow>(
    "SELECT size, note FROM ledger_head ORDER BY size DESC LIMIT 1",
  );
  return row === undefined ? undefined : headOf(row);
};

const ENTRY_COLUMNS = "id, seq, kind, actor, subject, at_ms, body, leaf_hash";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const loadEntry = async (sql: Sql, id: string): Promise<StoredEntry | undefined> => {
  if (!UUID.test(id)) return undefined;
  const [row] = await sql.query<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM ledger_entry WHERE id = $1`,
    [id],
  );
  return row === undefined ? undefined : entryOf(row);
};

/** The entry in this place of the tree. */
export const loadEntryAt = async (sql: Sql, seq: number): Promise<StoredEntry | undefined> => {
  const [row] = await sql.query<EntryRow>(
    `SELECT ${ENTRY_COLUMNS} FROM ledger_entry WHERE seq = $1`,
    [seq],
  );
  return row === undefined ? undefined : entryOf(row);
};

type ArrivedEntry = StoredEntry & { readonly arrival: number };

/** Newest first, by arrival; `before` is the arrival of the last one seen. */
export const loadEntriesBefore = async (
  sql: Sql,
  page: { readonly before: number | undefined; readonly limit: number },
): Promise<readonly ArrivedEntry[]> => {
  const rows = await sql.query<EntryRow & { arrival: string }>(
    `SELECT ${ENTRY_COLUMNS}, arrival FROM ledger_entry
     WHERE $1::bigint IS NULL OR arrival < $1 ORDER BY arrival DESC LIMIT $2`,
    [page.before ?? null, page.limit],
  );
  return rows.map((row) => Object.assign(entryOf(row), { arrival: Number(row.arrival) }));
};

/** The database as something to verify. */
export const ledgerRows = (sql: Sql): LedgerSource => ({
  lastHeadSize: async () => (await loadLastHead(sql))?.size ?? 0,
  frontier: () => loadFrontier(sql),
  entriesFrom: async (seq, limit) => {
    const rows = await sql.query<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM ledger_entry WHERE seq >= $1 ORDER BY seq LIMIT $2`,
      [seq, limit],
    );
    return rows.map(entryOf);
  },
  headsFrom: async (size, limit) => {
    const rows = await sql.query<HeadRow>(
      "SELECT size, note FROM ledger_head WHERE size >= $1 ORDER BY size LIMIT $2",
      [size, limit],
    );
    return rows.map(headOf);
  },
  pending: async (limit) => {
    const rows = await sql.query<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM ledger_entry WHERE seq IS NULL ORDER BY arrival LIMIT $1`,
      [limit],
    );
    return rows.map(entryOf);
  },
  nodes: (names) => loadNodes(sql, names),
});

type EntryRow = {
  readonly id: string;
  readonly seq: string | null;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly at_ms: string;
  readonly body: string;
  readonly leaf_hash: Buffer;
};
type HeadRow = { readonly size: string; readonly note: string };

const entryOf = (row: EntryRow): StoredEntry => ({
  id: row.id,
  seq: row.seq === null ? null : Number(row.seq),
  kind: row.kind,
  actor: row.actor,
  subject: row.subject,
  atMs: Number(row.at_ms),
  body: row.body,
  leafHash: row.leaf_hash,
});

const headOf = (row: HeadRow): StoredHead => ({ size: Number(row.size), note: row.note });

const bytes = (hash: Hash): Buffer => Buffer.from(hash);
