/** The mark and the name, a link to the first page. */
import { PageLink } from "../shell/page-link.tsx";

export const Brand = () => (
  <PageLink to="/" className="brand">
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M9 23V9l14 14V9" />
    </svg>
    NovaEvo
  </PageLink>
);
