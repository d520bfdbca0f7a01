/**
 * The shipped tables as values: vehicles, kinds of parts, brands, trouble codes.
 *
 * Shape:  tab-separated lines, `;` inside a cell, `#` begins a comment.
 * Errors: throws on a line without its cells: the files ship with the code.
 */
export type Vehicle = {
  readonly make: string;
  readonly model: string;
  readonly generation: string;
  readonly from: number;
  readonly to: number;
  readonly engines: readonly string[];
};
export const FITS = ["body", "engine", "petrol", "diesel"] as const;
export type Kind = {
  readonly id: string;
  readonly family: string;
  readonly name: string;
  readonly synonyms: readonly string[];
  /** Where on the vehicle; one empty place where there is only one. */
  readonly places: readonly string[];
  readonly fromEuros: number;
  readonly toEuros: number;
  readonly fits: (typeof FITS)[number];
};
export type Brand = { readonly name: string; readonly letters: string; readonly percent: number };
export type Tables = {
  readonly vehicles: readonly Vehicle[];
  readonly kinds: readonly Kind[];
  readonly brands: readonly Brand[];
  /** Prefix of a trouble code → ids of kinds, likeliest first. */
  readonly codes: ReadonlyMap<string, readonly string[]>;
};
export const TABLES = ["vehicles", "kinds", "brands", "dtc-kinds"] as const;

export const readTables = (read: (table: (typeof TABLES)[number]) => string): Tables => ({
  vehicles: rows(read("vehicles"), 6).map(([make, model, generation, from, to, engines]) => ({
    ...{ make: make!, model: model!, generation: generation! },
    ...{ from: Number(from), to: Number(to), engines: list(engines!) },
  })),
  kinds: rows(read("kinds"), 8).map(([id, family, name, synonyms, places, from, to, fits]) => ({
    ...{ id: id!, family: family!, name: name!, synonyms: list(synonyms!) },
    places: places === "" ? [""] : list(places!),
    ...{ fromEuros: Number(from), toEuros: Number(to), fits: fits as Kind["fits"] },
  })),
  brands: rows(read("brands"), 3).map(([name, letters, percent]) => ({
    ...{ name: name!, letters: letters!, percent: Number(percent) },
  })),
  codes: new Map(rows(read("dtc-kinds"), 2).map(([code, kinds]) => [code!, list(kinds!)])),
});

/** The kinds behind a trouble code: of the prefixes that fit, the longest counts. */
export const kindsOfCode = ({ codes }: Tables, code: string): readonly string[] => {
  for (let chars = code.length; chars > 1; chars -= 1) {
    const kinds = codes.get(code.slice(0, chars));
    if (kinds !== undefined) return kinds;
  }
  return [];
};

const list = (cell: string): readonly string[] => cell.split(";").filter((one) => one !== "");

const rows = (text: string, cells: number): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const row = line.split("\t");
      if (row.length !== cells) throw new Error(`a line needs ${cells} cells: ${line}`);
      return row;
    });
