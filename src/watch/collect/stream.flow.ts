/**
 * The name under which this buffer's records are counted at the hub, kept on disk.
 *
 * Shape:  first the agent's id itself; after a conflict `<agentId>.<8 hex digits>`. Confirmed once
 *         a hub agreed with the buffer; written before anything is sent under it.
 * Errors: the disk's. An unreadable file counts as none: the conflict check then decides.
 */
import type { Disk } from "../../io/disk/disk.ts";

export type Stream = {
  readonly id: () => string;
  readonly isConfirmed: () => boolean;
  readonly confirm: () => Promise<void>;
  readonly rename: () => Promise<void>;
};

type Stored = { readonly agentId: string; readonly streamId: string; readonly confirmed: boolean };

const NAME = "stream.json";
const MAX_BYTES = 4_096;
/** The hub takes 64 characters; nine go to the suffix. */
const MAX_PREFIX = 55;

const readStored = async (disk: Disk, path: string): Promise<Partial<Stored>> => {
  try {
    const file = await disk.open(path, "read");
    const bytes = await file.read(0, MAX_BYTES);
    await file.close();
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
};

export const openStream = async (
  deps: { readonly disk: Disk; readonly randomHex: () => string },
  options: { readonly dir: string; readonly agentId: string },
): Promise<Stream> => {
  const { disk } = deps;
  const { dir, agentId } = options;
  const path = `${dir}/${NAME}`;
  await disk.makeDir(dir);
  const found = await readStored(disk, path);
  const isOurs = found.agentId === agentId && typeof found.streamId === "string";
  let current: Stored = {
    agentId,
    streamId: agentId,
    confirmed: false,
    ...(isOurs ? { streamId: found.streamId, confirmed: found.confirmed === true } : {}),
  };
  const save = async (next: Stored): Promise<void> => {
    const draft = `${path}.tmp`;
    await disk.remove(draft).catch(() => undefined);
    const file = await disk.open(draft, "create");
    await file.write(0, new TextEncoder().encode(JSON.stringify(next)));
    await file.sync();
    await file.close();
    await disk.rename(draft, path);
    await disk.syncDir(dir);
    current = next;
  };
  return {
    id: () => current.streamId,
    isConfirmed: () => current.confirmed,
    confirm: async () => {
      if (!current.confirmed) await save({ ...current, confirmed: true });
    },
    rename: () => {
      const streamId = `${agentId.slice(0, MAX_PREFIX)}.${deps.randomHex()}`;
      return save({ agentId, streamId, confirmed: true });
    },
  };
};
