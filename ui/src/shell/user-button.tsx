/** Who is signed in; opens the reader's menu, which comes when it is first asked for. */
import { lazy, Suspense, useState } from "react";
import { useSession } from "../session/session.tsx";
import { UserFace } from "./user-face.tsx";

const loadMenu = () => import("./user-menu.tsx");
const UserMenu = lazy(loadMenu);

export const UserButton = () => {
  const { principal } = useSession();
  const [isAsked, setAsked] = useState(false);
  const button = (
    <button
      type="button"
      className="button user-button"
      aria-haspopup="menu"
      aria-expanded={isAsked}
      title={principal?.name ?? ""}
      onPointerEnter={() => void loadMenu()}
      onFocus={() => void loadMenu()}
      onClick={() => setAsked(true)}
    >
      <UserFace />
    </button>
  );
  if (!isAsked) return button;
  return (
    <Suspense fallback={button}>
      <UserMenu />
    </Suspense>
  );
};
