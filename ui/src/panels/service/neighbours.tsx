/** Whom a service calls and who calls it, as traces of the last minutes say. */
import type { Application } from "../../../../src/contract/application.ts";
import { measure } from "../../format/unit.ts";
import { percent } from "../../format/number.ts";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { PageLink } from "../../shell/page-link.tsx";

type Props = {
  readonly id: string;
  readonly edges: Application["edges"];
  readonly limit: number | null;
  /** Services that have a page. */
  readonly known: ReadonlySet<string>;
};

export const Neighbours = ({ id, edges, limit, known }: Props) => {
  const { t } = useWords();
  const sides = [
    { name: "calls", of: edges.filter(({ client }) => client === id), at: "server" },
    { name: "calledBy", of: edges.filter(({ server }) => server === id), at: "client" },
  ] as const;
  if (sides.every(({ of }) => of.length === 0)) {
    return <p className="calm">{t("neighbours.none")}</p>;
  }
  return (
    <div className="neighbours">
      {sides.map(({ name, of, at }) => (
        <section key={name}>
          <h3>{t(`neighbours.${name}`)}</h3>
          {of.length === 0 && <p className="quiet">{t("neighbours.nobody")}</p>}
          <ul>
            {of.map((edge) => (
              <Neighbour key={edge[at]} {...{ edge, limit, known }} name={edge[at]} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
};

type NeighbourProps = Pick<Props, "limit" | "known"> & {
  readonly edge: Application["edges"][number];
  readonly name: string;
};

const Neighbour = ({ edge, name, limit, known }: NeighbourProps) => {
  const { t, lang } = useWords();
  const { rate, errors } = edge;
  const isFailing = errors !== null && limit !== null && errors > limit;
  return (
    <li>
      {known.has(name) ? (
        <PageLink to={`/ops/${encodeURIComponent(name)}`} className="row-link" data-row>
          {name}
        </PageLink>
      ) : (
        <span>{name === "user" ? t("map.user") : name}</span>
      )}
      <span className="quiet">{measure(lang, rate, "req/s")}</span>
      <span className={isFailing ? "mark mark-degraded" : "quiet"}>
        {isFailing && <Glyph shape="triangle" />}
        {errors === null ? "" : t("neighbours.errors", { share: percent(lang, errors, 2) })}
      </span>
    </li>
  );
};
