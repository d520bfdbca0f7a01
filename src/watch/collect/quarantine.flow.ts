/**
 * Keeps batches the hub can never accept, for people to look at.
 *
 * Limits: `MAX_FILES` files; beyond them only the count and the log line remain, because a hub that
 *         refuses everything must not fill the disk the buffer needs.
 * Errors: none; what could not be written is said.
 */
import { faultCode, type Disk } from "../../io/disk/disk.ts";

const MAX_FILES = 100;
const SUFFIX = ".batch";

export type Quarantine = (seq: number, body: Uint8Array, why: string) => Promise<void>;

export const quarantineIn =
  (
    deps: {
      readonly disk: Disk;
      readonly streamId: () => string;
      readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
    },
    dir: string,
  ): Quarantine =>
  async (seq, body) => {
    const { disk } = deps;
    const path = `${dir}/${deps.streamId()}-${seq}${SUFFIX}`;
    try {
      await disk.makeDir(dir);
      const files = (await disk.list(dir)).filter((name) => name.endsWith(SUFFIX));
      if (files.length >= MAX_FILES) throw new Error(`${dir} already holds ${MAX_FILES} batches`);
      const file = await disk.open(path, "create");
      await file.write(0, body);
      await file.sync();
      await file.close();
      await disk.syncDir(dir);
    } catch (fault) {
      // Refused again after a restart: it is there already.
      if (faultCode(fault) === "EEXIST") return;
      deps.say("a refused batch could not be kept", { seq, why: String(fault) });
    }
  };
