/** A link to a page of the app. */
import type { ComponentProps } from "react";
import { Link, useSearch } from "wouter";
import { withLang } from "./place.ts";

type Props = Omit<ComponentProps<"a">, "href"> & { readonly to: string };

export const PageLink = ({ to, children, ...rest }: Props) => {
  const search = useSearch();
  return (
    <Link href={withLang(to, search)} {...rest}>
      {children}
    </Link>
  );
};
