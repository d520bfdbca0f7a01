/** How far an action is: a shape, a word, a colour. */
import type { Action } from "../../../../src/contract/action.ts";
import { useWords } from "../../locales/words.tsx";
import { Glyph, type Shape } from "../../parts/glyph.tsx";

type State = Action["state"];
const SHAPES: Readonly<Record<State, readonly [shape: Shape, look: string]>> = {
  proposed: ["pause", "verdict-hold"],
  approved: ["play", "mark-info"],
  running: ["play", "mark-info"],
  verifying: ["dot", "mark-info"],
  verified: ["check", "mark-ok"],
  failed: ["cross", "mark-down"],
  rolling_back: ["retry", "mark-degraded"],
  rolled_back: ["retry", "mark-degraded"],
  escalated: ["triangle", "mark-degraded"],
  not_executed: ["close", "mark-unknown"],
};

export const ActionMark = ({ state }: { readonly state: State }) => {
  const { t } = useWords();
  const [shape, look] = SHAPES[state];
  return (
    <span className={`mark ${look}`} data-state={state}>
      <Glyph shape={shape} />
      {t(`action.state.${state}`)}
    </span>
  );
};
