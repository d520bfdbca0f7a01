import { expect, test } from "vitest";
import { say, typeset } from "./text.ts";

test.each([
  ["binds the mark to its word", "Verdict : attente", "Verdict\u00A0: attente"],
  ["binds high marks by a narrow space", "Prêt ; oui !", "Prêt\u202F; oui\u202F!"],
  ["binds the per cent sign", "82 % du total", "82\u00A0% du total"],
  ["groups thousands with a narrow space", "10 000 garages", "10\u202F000 garages"],
  ["binds a unit to its figure", "plus de 240 ms", "plus de 240\u00A0ms"],
  ["binds a comparison to its figure", "< 100 ms", "<\u00A0100\u00A0ms"],
  ["keeps quotation marks with their words", "« GO »", "«\u00A0GO\u00A0»"],
  ["leaves a word that starts like a unit", "3 heures", "3 heures"],
])("French %s", (_title, text, expected) => {
  expect(typeset(text, "fr")).toBe(expected);
});

test("English keeps its own spaces", () => {
  expect(say({ fr: "Oui !", en: "Yes! 10 000" }, "en")).toBe("Yes! 10 000");
});
