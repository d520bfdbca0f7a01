/** Holds a list's rows while the pointer is over it or the focus is in it. */
import { useState, type FocusEvent } from "react";
import { arrange, type Arranged } from "./hold.ts";

type Held<T> = Arranged<T> & {
  /** Shows the waiting rows now. */
  readonly release: () => void;
  readonly guard: {
    readonly onPointerEnter: () => void;
    readonly onPointerLeave: () => void;
    readonly onFocus: () => void;
    readonly onBlur: (event: FocusEvent<HTMLElement>) => void;
  };
};

export const useHeld = <T extends { readonly id: string }>(items: readonly T[]): Held<T> => {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const [held, setHeld] = useState<readonly T[]>();
  const isHeld = pointed || focused;
  if (!isHeld && held !== undefined) setHeld(undefined);
  if (isHeld && held === undefined) setHeld(items);
  return {
    ...arrange(isHeld ? (held ?? items) : undefined, items),
    release: () => setHeld(items),
    guard: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocus: () => setFocused(true),
      onBlur: (event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setFocused(false);
      },
    },
  };
};
