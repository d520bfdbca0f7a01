/** Shapes that say a state without colour. Each is drawn on a 16 unit grid in the ink around it. */
export type Shape =
  | "check"
  | "triangle"
  | "down"
  | "hexagon"
  | "diamond"
  | "dot"
  | "question"
  | "cross"
  | "pause"
  | "chevron"
  | "close"
  | "table"
  | "chart"
  | "retry"
  | "arrow"
  | "left"
  | "right"
  | "play"
  | "plus"
  | "link"
  | "download";

const PATHS: Readonly<Record<Shape, string>> = {
  check: "M2.6 8.6 6.2 12.2 13.4 4.4",
  triangle: "M8 1.8 15 14H1z",
  down: "M8 14.2 1 2h14z",
  hexagon: "M4.4 1.4h7.2L15.6 8l-4 6.6H4.4L.4 8z",
  diamond: "M8 .8 15.2 8 8 15.2.8 8z",
  dot: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z",
  question: "M5.2 5.8a2.9 2.9 0 1 1 4.4 2.5c-.9.6-1.6 1-1.6 2.2M8 13.4v.1",
  cross: "M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8",
  pause: "M5.2 3v10M10.8 3v10",
  chevron: "M4 6.2 8 10.2 12 6.2",
  close: "M3.6 3.6l8.8 8.8M12.4 3.6l-8.8 8.8",
  table: "M2 3h12v10H2zM2 6.5h12M2 9.8h12M7 3v10",
  chart: "M2 2v12h12M4.5 10.5l3-3.5 2.5 2 3.5-4.5",
  retry: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3.2H9.8",
  arrow: "M3 8h9.5M8.8 4.2 12.6 8l-3.8 3.8",
  left: "M9.8 4 5.8 8 9.8 12",
  right: "M6.2 4 10.2 8 6.2 12",
  play: "M4.5 2.5v11L13.5 8z",
  plus: "M8 3v10M3 8h10",
  link: "M6.8 9.2l2.4-2.4M7.6 4.6l1.6-1.6a2.7 2.7 0 0 1 3.8 3.8l-1.6 1.6M8.4 11.4 6.8 13A2.7 2.7 0 0 1 3 9.2l1.6-1.6",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.2h10",
};
const FILLED: ReadonlySet<Shape> = new Set([
  "triangle",
  "down",
  "hexagon",
  "diamond",
  "dot",
  "play",
]);

export const Glyph = ({ shape }: { readonly shape: Shape }) => (
  <svg
    className={FILLED.has(shape) ? "glyph glyph-filled" : "glyph"}
    viewBox="0 0 16 16"
    aria-hidden="true"
    data-shape={shape}
  >
    <path d={PATHS[shape]} />
  </svg>
);
