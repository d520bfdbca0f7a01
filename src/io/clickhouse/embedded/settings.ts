/**
 * The embedded engine's configuration: durable, and small in memory.
 *
 * Units:  bytes, seconds where ClickHouse says so.
 * Why:    without the first three MergeTree settings a power cut leaves the data unopenable, and
 *         without the fourth a repeated insert token is stored twice (both measured); a start that
 *         does not find all four in force is refused. Caches are bounded because a program at rest
 *         must not hold a gigabyte.
 */

/** What every MergeTree table must run with. */
export const DURABLE = {
  fsync_after_insert: "1",
  fsync_part_directory: "1",
  min_rows_to_fsync_after_merge: "1",
  non_replicated_deduplication_window: "1000",
} as const;

const MIB = 1024 * 1024;
const SERVER_MEMORY_BYTES = 600 * MIB;
const QUERY_MEMORY_BYTES = 400 * MIB;
const RESULT_BYTES = 256 * MIB;
const DEFAULT_QUERY_S = 30;
/** Longest a caller may ask for: abort does not cancel a query, so time is its only end. */
export const MAX_QUERY_S = 300;

/** In force for every query unless its request says otherwise; these three have a ceiling. */
export const QUERY_SETTINGS: Readonly<Record<string, string>> = {
  max_execution_time: String(DEFAULT_QUERY_S),
  max_memory_usage: String(QUERY_MEMORY_BYTES),
  max_result_bytes: String(RESULT_BYTES),
  max_threads: "2",
  max_query_size: String(16 * MIB),
};
const CEILINGS: Readonly<Record<string, number>> = {
  max_execution_time: MAX_QUERY_S,
  max_memory_usage: QUERY_MEMORY_BYTES,
  max_result_bytes: RESULT_BYTES,
};

/** The request's settings over ours, no limit above its ceiling; 0 means "no limit" there. */
export const effective = (
  asked: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  const merged: Record<string, string> = { ...QUERY_SETTINGS, ...asked };
  for (const [name, ceiling] of Object.entries(CEILINGS)) {
    const value = Number(merged[name]);
    if (!(value > 0 && value <= ceiling)) merged[name] = String(ceiling);
  }
  return merged;
};

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const tags = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
    .join("\n");

export const configXml = (
  merge: Readonly<Record<string, string>> = DURABLE,
): string => `<clickhouse>
<timezone>UTC</timezone>
<merge_tree>
${tags({ ...merge, merge_max_block_size: 4096, max_bytes_to_merge_at_max_space_in_pool: 10 * 1024 * MIB })}
</merge_tree>
${tags({
  max_server_memory_usage: SERVER_MEMORY_BYTES,
  mark_cache_size: 16 * MIB,
  index_mark_cache_size: 4 * MIB,
  uncompressed_cache_size: 0,
  index_uncompressed_cache_size: 0,
  primary_index_cache_size: 16 * MIB,
  mmap_cache_size: 64,
  compiled_expression_cache_size: 4 * MIB,
  background_pool_size: 2,
  background_move_pool_size: 1,
  background_fetches_pool_size: 1,
  background_common_pool_size: 2,
  background_schedule_pool_size: 4,
  background_buffer_flush_schedule_pool_size: 1,
  background_message_broker_schedule_pool_size: 1,
  background_distributed_schedule_pool_size: 1,
  max_thread_pool_size: 64,
  max_thread_pool_free_size: 4,
  max_io_thread_pool_size: 4,
  max_io_thread_pool_free_size: 0,
})}
</clickhouse>
`;

/** Rows of `system.merge_tree_settings` and of tables that say otherwise; [] means durable. */
export const undurable = (
  inForce: ReadonlyMap<string, string>,
  tables: readonly { readonly table: string; readonly engine: string }[],
): readonly string[] => {
  const wrong: string[] = [];
  for (const [name, value] of Object.entries(DURABLE)) {
    const found = inForce.get(name);
    if (found !== value) wrong.push(`${name} is ${found ?? "absent"}, it must be ${value}`);
    for (const { table, engine } of tables) {
      const own = new RegExp(`\\b${name} = (\\d+)`).exec(engine)?.[1];
      if (own !== undefined && own !== value)
        wrong.push(`${table} sets ${name} to ${own}, it must be ${value}`);
    }
  }
  return wrong;
};
