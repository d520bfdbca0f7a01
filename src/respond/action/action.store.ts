/** Rows of actions, their timelines, and what holds them back. */
import type { Sql, Tx } from "../../io/postgres/db.ts";
import type { Words } from "../../launch/kpi/reading.ts";
import { isOver, type Life, type RunState } from "./action.ts";
import type { Level } from "./autonomy.ts";
import type { Origin, Run, RunDraft, Step, Trigger, Verification } from "./run.ts";

type Columns = {
  id: string;
  playbook: string | null;
  target: string;
  service: string | null;
  region: string | null;
  origin: Origin;
  proposed_by: string;
  approved_by: string | null;
  trigger: Trigger;
  steps: readonly Step[];
  verification: Verification;
  hold_ms: string | null;
  plan_version: number;
  plan_digest: string;
  life: Life;
  why: Words;
  proposed_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
};

/** A run with the instants the table adds. */
export type RunRow = Run & {
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
};

const COLUMNS = `id, playbook, target, service, region, origin, proposed_by, approved_by, trigger,
  steps, verification, hold_ms, plan_version, plan_digest, life, why, proposed_at, started_at,
  ended_at`;

const rowOf = (row: Columns): RunRow => ({
  id: Number(row.id),
  playbook: row.playbook,
  target: row.target,
  service: row.service,
  region: row.region,
  origin: row.origin,
  proposedBy: row.proposed_by,
  approvedBy: row.approved_by,
  trigger: row.trigger,
  steps: row.steps,
  verification: row.verification,
  holdMs: row.hold_ms === null ? null : Number(row.hold_ms),
  planVersion: row.plan_version,
  planDigest: row.plan_digest,
  life: row.life,
  why: row.why,
  proposedAtMs: row.proposed_at.getTime(),
  startedAtMs: row.started_at?.getTime() ?? null,
  endedAtMs: row.ended_at?.getTime() ?? null,
});

export const insertRun = async (tx: Tx, draft: RunDraft): Promise<RunRow> => {
  const [row] = await tx.query<Columns>(
    `INSERT INTO action_run (playbook, target, service, region, origin, proposed_by, approved_by,
       alert, trigger, steps, verification, hold_ms, plan_version, plan_digest, state, life, why,
       proposed_at, started_at, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
       to_timestamp($18 / 1000.0), to_timestamp($19 / 1000.0), to_timestamp($20 / 1000.0))
     RETURNING ${COLUMNS}`,
    [
      ...[draft.playbook, draft.target, draft.service, draft.region, draft.origin],
      ...[draft.proposedBy, draft.approvedBy, draft.trigger.alert, JSON.stringify(draft.trigger)],
      ...[JSON.stringify(draft.steps), JSON.stringify(draft.verification), draft.holdMs],
      ...[draft.planVersion, draft.planDigest, draft.life.state, JSON.stringify(draft.life)],
      ...[JSON.stringify(draft.why), draft.proposedAtMs],
      draft.life.state === "verifying" ? draft.proposedAtMs : null,
      isOver(draft.life) ? draft.proposedAtMs : null,
    ],
  );
  if (row === undefined) throw new Error("an inserted action came back as no row");
  return rowOf(row);
};

/** Undefined when it has moved meanwhile: whoever comes second changes nothing. */
export const updateRun = async (
  tx: Tx,
  from: RunState,
  run: Run,
  atMs: number,
): Promise<RunRow | undefined> => {
  const [row] = await tx.query<Columns>(
    `UPDATE action_run SET state = $3, life = $4, why = $5, steps = $6, approved_by = $7,
       started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, to_timestamp($8 / 1000.0))
         ELSE started_at END,
       ended_at = CASE WHEN $9 THEN to_timestamp($8 / 1000.0) ELSE NULL END
     WHERE id = $1 AND state = $2 RETURNING ${COLUMNS}`,
    [
      ...[run.id, from, run.life.state, JSON.stringify(run.life), JSON.stringify(run.why)],
      ...[JSON.stringify(run.steps), run.approvedBy, atMs, isOver(run.life)],
    ],
  );
  return row === undefined ? undefined : rowOf(row);
};

export type TimelineEntry = {
  readonly atMs: number;
  readonly state: RunState;
  readonly event: string;
  readonly actor: string;
  readonly why: Words;
  readonly evidence: Readonly<Record<string, unknown>>;
};

export const insertEvent = async (tx: Tx, run: number, entry: TimelineEntry): Promise<void> => {
  await tx.query(
    `INSERT INTO action_event (run, seq, at, state, event, actor, why, evidence)
     SELECT $1, coalesce(max(seq), 0) + 1, to_timestamp($2 / 1000.0), $3, $4, $5, $6::jsonb, $7::jsonb
     FROM action_event WHERE run = $1`,
    [
      ...[run, entry.atMs, entry.state, entry.event, entry.actor],
      ...[JSON.stringify(entry.why), JSON.stringify(entry.evidence)],
    ],
  );
};

export const timelineOf = async (sql: Sql, run: number): Promise<readonly TimelineEntry[]> => {
  const rows = await sql.query<{
    at: Date;
    state: RunState;
    event: string;
    actor: string;
    why: Words;
    evidence: Readonly<Record<string, unknown>>;
  }>(
    `SELECT at, state, event, actor, why, evidence FROM action_event WHERE run = $1 ORDER BY seq`,
    [run],
  );
  return rows.map(({ at, ...rest }) => ({ atMs: at.getTime(), ...rest }));
};

/** What is open, and what was proposed since: all that guards and playbooks look at. */
export const recentRuns = async (sql: Sql, sinceMs: number): Promise<readonly RunRow[]> => {
  const rows = await sql.query<Columns>(
    `SELECT ${COLUMNS} FROM action_run
     WHERE ended_at IS NULL OR proposed_at > to_timestamp($1 / 1000.0)
       OR alert IN (SELECT id FROM alert WHERE state = 'firing')
     ORDER BY id`,
    [sinceMs],
  );
  return rows.map(rowOf);
};

export const runById = async (sql: Sql, id: number): Promise<RunRow | undefined> =>
  (await sql.query<Columns>(`SELECT ${COLUMNS} FROM action_run WHERE id = $1`, [id])).map(rowOf)[0];

export const runPage = async (
  sql: Sql,
  page: {
    readonly states: readonly RunState[] | null;
    readonly service: string | null;
    readonly before: number | undefined;
    readonly limit: number;
  },
): Promise<readonly RunRow[]> => {
  const rows = await sql.query<Columns>(
    `SELECT ${COLUMNS} FROM action_run
     WHERE ($1::text[] IS NULL OR state = ANY ($1)) AND ($2::text IS NULL OR service = $2)
       AND ($3::bigint IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [page.states, page.service, page.before ?? null, page.limit],
  );
  return rows.map(rowOf);
};

/** Did they help? Newest first; only what was decided here: others answer for their own. */
export const outcomesOf = async (
  sql: Sql,
  playbook: string,
  afterRun: number,
  limit: number,
): Promise<readonly boolean[]> => {
  const rows = await sql.query<{ state: RunState }>(
    `SELECT state FROM action_run
     WHERE playbook = $1 AND id > $2 AND origin = 'automatic'
       AND state IN ('verified', 'rolled_back', 'escalated')
     ORDER BY id DESC LIMIT $3`,
    [playbook, afterRun, limit],
  );
  return rows.map(({ state }) => state === "verified");
};

// ── autonomy, switch, freezes, cursors ──────────────────────────────────────────────────────────

export type AutonomyRow = {
  readonly playbook: string;
  readonly level: Level;
  readonly afterRun: number;
  readonly setBy: string;
  readonly setAtMs: number;
  readonly why: Words;
};

export const autonomyRows = async (sql: Sql): Promise<readonly AutonomyRow[]> => {
  const rows = await sql.query<{
    playbook: string;
    level: Level;
    after_run: string;
    set_by: string;
    set_at: Date;
    why: Words;
  }>("SELECT playbook, level, after_run, set_by, set_at, why FROM action_autonomy");
  return rows.map((row) => ({
    ...{ playbook: row.playbook, level: row.level, afterRun: Number(row.after_run) },
    ...{ setBy: row.set_by, setAtMs: row.set_at.getTime(), why: row.why },
  }));
};

/** `raised` begins the count anew: the runs before it are no longer held against it. */
export const saveAutonomy = async (
  tx: Tx,
  row: Omit<AutonomyRow, "afterRun"> & { readonly isRaised: boolean },
): Promise<void> => {
  await tx.query(
    `INSERT INTO action_autonomy AS a (playbook, level, after_run, set_by, set_at, why)
     SELECT $1, $2, CASE WHEN $6 THEN coalesce(max(id), 0) ELSE 0 END, $3,
       to_timestamp($4 / 1000.0), $5::jsonb FROM action_run
     ON CONFLICT (playbook) DO UPDATE SET level = excluded.level, set_by = excluded.set_by,
       set_at = excluded.set_at, why = excluded.why,
       after_run = CASE WHEN $6 THEN excluded.after_run ELSE a.after_run END`,
    [row.playbook, row.level, row.setBy, row.setAtMs, JSON.stringify(row.why), row.isRaised],
  );
};

export type SwitchRow = {
  readonly isOn: boolean;
  readonly setBy: string;
  readonly setAtMs: number;
  readonly why: string;
};

export const loadSwitch = async (sql: Sql): Promise<SwitchRow> => {
  const [row] = await sql.query<{ is_on: boolean; set_by: string; set_at: Date; why: string }>(
    "SELECT is_on, set_by, set_at, why FROM action_switch",
  );
  if (row === undefined) throw new Error("the switch of the actions has no row");
  return { isOn: row.is_on, setBy: row.set_by, setAtMs: row.set_at.getTime(), why: row.why };
};

export const saveSwitch = async (tx: Tx, row: SwitchRow): Promise<void> => {
  await tx.query(
    `UPDATE action_switch SET is_on = $1, set_by = $2, set_at = to_timestamp($3 / 1000.0), why = $4`,
    [row.isOn, row.setBy, row.setAtMs, row.why],
  );
};

export const loadFreezes = async (sql: Sql): Promise<ReadonlyMap<string, number>> => {
  const rows = await sql.query<{ target: string; until_at: Date }>(
    "SELECT target, until_at FROM action_freeze",
  );
  return new Map(rows.map(({ target, until_at }) => [target, until_at.getTime()]));
};

export const saveFreeze = async (tx: Tx, target: string, untilMs: number): Promise<void> => {
  await tx.query(
    `INSERT INTO action_freeze (target, until_at) VALUES ($1, to_timestamp($2 / 1000.0))
     ON CONFLICT (target) DO UPDATE SET until_at = excluded.until_at`,
    [target, untilMs],
  );
};

export const loadCursor = async (sql: Sql, door: string): Promise<number> => {
  const [row] = await sql.query<{ seq: string }>("SELECT seq FROM action_cursor WHERE door = $1", [
    door,
  ]);
  return row === undefined ? 0 : Number(row.seq);
};

export const saveCursor = async (tx: Tx, door: string, seq: number): Promise<void> => {
  await tx.query(
    `INSERT INTO action_cursor (door, seq) VALUES ($1, $2)
     ON CONFLICT (door) DO UPDATE SET seq = excluded.seq`,
    [door, seq],
  );
};
