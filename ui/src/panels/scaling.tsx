/** Auto-scaling: what was added and taken away within the last hour, newest first. */
import type { Capacity } from "../../../src/contract/action.ts";
import "../css/scaling.css";
import { number } from "../format/number.ts";
import { clock } from "../format/time.ts";
import { usePolled } from "../live/use-polled.ts";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { Instant } from "../parts/instant.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { PageLink } from "../shell/page-link.tsx";

type Event = Capacity["events"][number];

const ScalingPanel = () => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<Capacity>("capacity");
  return (
    <Panel
      name="scaling"
      title={t("scaling.title")}
      note={t("scaling.span")}
      tools={data && <ScalingCounts events={data.events} />}
      fault={fault}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={3} />}
    >
      {data && <ScalingEvents data={data} />}
    </Panel>
  );
};

export default ScalingPanel;

const isUp = ({ from, to }: Event): boolean => to > from;

const ScalingCounts = ({ events }: { readonly events: readonly Event[] }) => {
  const { t } = useWords();
  const up = events.filter(isUp).length;
  const all = [
    { name: "up", shape: "triangle", count: up },
    { name: "down", shape: "down", count: events.length - up },
  ] as const;
  return (
    <ul className="counts scaling-counts" aria-label={t("scaling.counts")}>
      {all.map(({ name, shape, count }) => (
        <li key={name}>
          <Glyph shape={shape} />
          <b aria-hidden="true">{count}</b>
          <span className="hidden">{t(`scaling.${name}`, { count })}</span>
        </li>
      ))}
    </ul>
  );
};

type EventsProps = {
  readonly data: Capacity;
  /** There is room for the reason of each. */
  readonly isWide?: boolean;
};

export const ScalingEvents = ({ data, isWide = false }: EventsProps) => {
  const { t } = useWords();
  if (data.events.length === 0) return <p className="calm">{t("scaling.none")}</p>;
  return (
    <ol className="scaling">
      {data.events.map((event) => (
        <ScalingRow key={event.action} event={event} items={data.items} isWide={isWide} />
      ))}
    </ol>
  );
};

/** What did not come to its end says so; the others need no word. */
const SILENT: ReadonlySet<Event["state"]> = new Set(["verified", "running", "verifying"]);

type RowProps = {
  readonly event: Event;
  readonly items: Capacity["items"];
  readonly isWide: boolean;
};

const ScalingRow = ({ event, items, isWide }: RowProps) => {
  const { t, say, lang } = useWords();
  const { at, service, region, from, to, state, why } = event;
  const name = items.find((one) => one.service === service)?.name;
  const count = Math.abs(to - from);
  return (
    <li className="scaling-row" title={say(why)}>
      <span className="scaling-by">
        <Glyph shape={isUp(event) ? "triangle" : "down"} />
        {isUp(event) ? "+" : "−"}
        {number(lang, count)}
        <span className="hidden">
          {" "}
          {t(isUp(event) ? "scaling.more" : "scaling.less", { count })}
        </span>
      </span>
      <span className="scaling-what">
        <PageLink to={`/ops/${encodeURIComponent(service)}`} className="row-link" data-row>
          {name === undefined ? service : say(name)}
        </PageLink>
        <span className="sub">
          {t("scaling.fromTo", { from, to })} · <span className="region">{region}</span>
          {!SILENT.has(state) && ` · ${t(`action.state.${state}`)}`}
          {isWide && ` · ${say(why)}`}
        </span>
      </span>
      <Instant at={at}>{clock(lang, at)}</Instant>
    </li>
  );
};
