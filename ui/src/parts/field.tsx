/** A table cell that carries its column's name for the card it becomes on a phone. */
import type { ReactNode } from "react";

type Props = {
  readonly label: string;
  readonly className?: string;
  readonly children: ReactNode;
};

export const Field = ({ label, className = "", children }: Props) => (
  <td className={`field ${className}`} data-label={label}>
    {children}
  </td>
);
