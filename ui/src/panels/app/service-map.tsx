/**
 * Who calls whom, as a drawing and as the table of its edges.
 *
 * A box is a service with its state; a line is calls, thicker where there are more, marked with a
 * shape, a figure and dashes where more of them fail than the plan allows.
 */
import { useEffect, useRef, useState, type RefObject } from "react";
import type { CalledService, Edge } from "../../../../src/contract/application.ts";
import { percent } from "../../format/number.ts";
import { measure } from "../../format/unit.ts";
import { useWords } from "../../locales/words.tsx";
import { isFailing } from "./red-columns.tsx";
import { BOX, drawMap, type Box, type Curve } from "../../map/place.ts";

/** More lines than this are a ball of wool; the table has them all. */
const MAX_EDGES = 40;
const MAX_NAME = 20;
/** A narrower place gets the map from top to bottom. */
const DOWN_BELOW_PX = 640;

type Props = {
  readonly edges: readonly Edge[];
  readonly services: readonly CalledService[];
  /** The share of errors from which one is alerted. */
  readonly limit: number | null;
};

export const ServiceMap = ({ edges, services, limit }: Props) => {
  const { t, lang } = useWords();
  const host = useRef<HTMLElement>(null);
  const isDown = useNarrow(host);
  const shown = edges.slice(0, MAX_EDGES);
  // By name, so that a change of figures does not move the boxes.
  const sides = shown
    .map(({ client, server }) => ({ from: client, to: server }))
    .sort((a, b) => order(a.from, b.from) || order(a.to, b.to));
  const drawing = drawMap(sides, isDown);
  const { width } = drawing;
  const edgeOf = (index: number): Edge | undefined => {
    const pair = sides[index];
    return shown.find(({ client, server }) => client === pair?.from && server === pair.to);
  };
  const busiest = Math.max(1e-9, ...shown.map(({ rate }) => rate ?? 0));
  useEffect(() => {
    const element = host.current;
    // The callers stand in the middle: begin there.
    if (element !== null) element.scrollLeft = (width - element.clientWidth) / 2;
  }, [width]);
  return (
    // Scrolls where the map is wider, so the keyboard must be able to reach it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section className="map" ref={host} tabIndex={0} aria-label={t("map.scroll")}>
      {edges.length > MAX_EDGES && (
        <p className="watched">{t("map.cut", { shown: MAX_EDGES, count: edges.length })}</p>
      )}
      <svg
        role="img"
        aria-label={t("map.summary", { services: drawing.boxes.length, edges: edges.length })}
        width={drawing.width}
        height={drawing.height}
        viewBox={`0 0 ${drawing.width} ${drawing.height}`}
      >
        {drawing.curves.map((curve) => (
          <EdgeLine key={curve.edge} {...{ curve, busiest, limit }} edge={edgeOf(curve.edge)} />
        ))}
        {drawing.boxes.map((box) => (
          <ServiceBox
            key={box.name}
            box={box}
            service={services.find(({ service }) => service === box.name)}
          />
        ))}
        {drawing.curves.map((curve) => {
          const edge = edgeOf(curve.edge);
          const fails = isFailing(edge?.errors ?? null, limit);
          return (
            <text
              key={curve.edge}
              className={fails ? "map-figure map-failing" : "map-figure"}
              x={curve.x}
              y={curve.y + (isDown ? 4 : -7)}
            >
              {fails
                ? `▲ ${percent(lang, edge?.errors ?? 0, 1)}`
                : measure(lang, edge?.rate ?? null, "1/s")}
            </text>
          );
        })}
      </svg>
    </section>
  );
};

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const useNarrow = (host: RefObject<HTMLElement | null>): boolean => {
  const [isNarrow, setNarrow] = useState(false);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const watch = new ResizeObserver(() => setNarrow(element.clientWidth < DOWN_BELOW_PX));
    watch.observe(element);
    return () => watch.disconnect();
  }, [host]);
  return isNarrow;
};

type LineProps = {
  readonly curve: Curve;
  readonly edge: Edge | undefined;
  readonly busiest: number;
  readonly limit: number | null;
};

const EdgeLine = ({ curve, edge, busiest, limit }: LineProps) => {
  const fails = isFailing(edge?.errors ?? null, limit);
  const width = 1.25 + 3 * Math.sqrt((edge?.rate ?? 0) / busiest);
  return (
    <path
      className={fails ? "map-edge map-edge-failing" : "map-edge"}
      d={curve.path}
      strokeWidth={width}
    >
      <title>{`${edge?.client ?? ""} → ${edge?.server ?? ""}`}</title>
    </path>
  );
};

type BoxProps = { readonly box: Box; readonly service: CalledService | undefined };

const SHAPES: Readonly<Record<CalledService["state"], string>> = {
  ok: "✓",
  degraded: "▲",
  down: "⬣",
  unknown: "?",
};

const ServiceBox = ({ box, service }: BoxProps) => {
  const { t, lang } = useWords();
  const { name, x, y } = box;
  const cut = name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
  return (
    <g className={`map-box map-${service?.state ?? "outside"}`}>
      <title>{name}</title>
      <rect x={x} y={y} width={BOX.width} height={BOX.height} rx="6" />
      <text className="map-name" x={x + 10} y={y + 19}>
        {cut === "user" ? t("map.user") : cut}
      </text>
      <text className="map-state" x={x + 10} y={y + 36}>
        {service === undefined
          ? t("map.outside")
          : `${SHAPES[service.state]} ${t(`state.${service.state}`)} · ${measure(lang, service.rate, "req/s")}`}
      </text>
    </g>
  );
};
