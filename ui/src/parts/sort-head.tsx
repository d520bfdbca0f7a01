/** A column's head that sorts by it: once in its natural direction, once more in the other. */
import type { ReactNode } from "react";

export type SortBy = { readonly column: string; readonly isDown: boolean };

type Props = {
  readonly column: string;
  readonly sort: SortBy;
  readonly onSort: (sort: SortBy) => void;
  /** Figures stand at the right and are wanted largest first. */
  readonly isRight?: boolean;
  readonly children: ReactNode;
};

export const SortHead = ({ column, sort, onSort, isRight = false, children }: Props) => {
  const isOwn = sort.column === column;
  return (
    <th
      scope="col"
      className={isRight ? "right" : undefined}
      aria-sort={isOwn ? (sort.isDown ? "descending" : "ascending") : undefined}
    >
      <button
        type="button"
        className="sort"
        onClick={() => onSort({ column, isDown: isOwn ? !sort.isDown : isRight })}
      >
        {children}
        <span className="sort-mark" aria-hidden="true">
          {isOwn ? (sort.isDown ? "↓" : "↑") : ""}
        </span>
      </button>
    </th>
  );
};
