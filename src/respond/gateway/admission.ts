/**
 * Who is let in at all: the port for admission by wave.
 *
 * Shape:  asked once a request, after the session is known and before anything is spent on it.
 */
export type Visitor = {
  readonly sub: string | undefined;
  readonly wave: string;
  readonly tier: "premium" | "standard";
  readonly region: string;
  readonly service: string;
  readonly feature: string | undefined;
};

export type Admission = (
  visitor: Visitor,
) => { readonly isIn: true } | { readonly isIn: false; readonly why: string };

const IN = { isIn: true } as const;
export const allowAll: Admission = () => IN;
