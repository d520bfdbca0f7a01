/** What an editor of one query needs, whether it is CodeMirror or the plain field before it. */
import type { FaultPlace } from "./fault-place.ts";
import type { Prometheus } from "./prometheus.ts";

export type EditorProps = {
  readonly value: string;
  readonly label: string;
  readonly place: FaultPlace | undefined;
  readonly describedBy: string | undefined;
  readonly prometheus: Prometheus;
  readonly onChange: (value: string) => void;
  readonly onRun: () => void;
};
