/**
 * Which instance gets the call: of two at random the less busy, in the nearest region that has one.
 *
 * Shape:  `regionsFor` is the order of regions: by weight (drawn) where an order gives weights,
 *         otherwise the caller's own first. `choose` draws two of those that may be called.
 * Units:  `random` gives 0 to 1; weights of any sum.
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing".
 */
export type Weights = Readonly<Record<string, number>>;
export type Candidate = { readonly region: string; readonly inflight: number };

/** Regions to try, first first; a region of weight 0 is not among them. */
export const regionsFor = (
  regions: readonly string[],
  home: string,
  weights: Weights | undefined,
  random: () => number,
): readonly string[] => {
  if (weights === undefined) {
    if (regions.length < 2) return regions;
    return [...regions].sort((a, b) => Number(b === home) - Number(a === home));
  }
  const left = regions.filter((region) => (weights[region] ?? 0) > 0);
  const drawn: string[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, region) => sum + weights[region]!, 0);
    let point = random() * total;
    let at = left.findIndex((region) => (point -= weights[region]!) < 0);
    if (at < 0) at = left.length - 1;
    drawn.push(...left.splice(at, 1));
  }
  return drawn;
};

/** `able`: those that may be called now. */
export const choose = <C extends Candidate>(
  able: readonly C[],
  regions: readonly string[],
  random: () => number,
): C | undefined => {
  for (const region of regions) {
    const near = regions.length === 1 ? able : able.filter((one) => one.region === region);
    const picked = twoChoices(near, random);
    if (picked !== undefined && picked.region === region) return picked;
  }
  return undefined;
};

const twoChoices = <C extends Candidate>(
  able: readonly C[],
  random: () => number,
): C | undefined => {
  const { length } = able;
  if (length < 2) return able[0];
  const first = Math.floor(random() * length);
  // Of the others, so that two different ones are compared.
  const second = (first + 1 + Math.floor(random() * (length - 1))) % length;
  const [a, b] = [able[first]!, able[second]!];
  return b.inflight < a.inflight ? b : a;
};
