/**
 * The three patches of the Kubernetes API, as far as its objects here need them.
 *
 * Shape:  merge is RFC 7386; strategic merges lists of objects by `name`, as containers are, and
 *         replaces other lists; json is RFC 6902 with add, replace, remove and test.
 * Errors: throws a PatchFault; the server makes it a 422.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

export class PatchFault extends Error {}

const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const mergePatch = (target: Json | undefined, patch: Json): Json => {
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
};

export const strategicPatch = (target: Json | undefined, patch: Json): Json => {
  if (Array.isArray(patch) && Array.isArray(target) && patch.every(hasName)) {
    const result = [...target];
    for (const item of patch) {
      const at = result.findIndex((one) => isFields(one) && one["name"] === item["name"]);
      if (at < 0) result.push(item);
      else result[at] = strategicPatch(result[at], item);
    }
    return result;
  }
  if (!isFields(patch)) return patch;
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = strategicPatch(result[key], value);
  }
  return result;
};

const hasName = (value: Json): value is Fields => isFields(value) && "name" in value;

type Operation = { readonly op: string; readonly path: string; readonly value?: Json };

export const jsonPatch = (target: Json, patch: Json): Json => {
  const result = structuredClone(target);
  if (!Array.isArray(patch)) throw new PatchFault("a JSON patch is a list");
  for (const { op, path, value } of patch as unknown as Operation[]) {
    const keys = path
      .split("/")
      .slice(1)
      .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop();
    if (last === undefined) throw new PatchFault("the whole object cannot be patched");
    let at: Json | undefined = result;
    for (const key of keys) at = isFields(at) ? at[key] : undefined;
    if (!isFields(at)) throw new PatchFault(`${path} is not there`);
    if (op !== "add" && !(last in at)) throw new PatchFault(`${path} is not there`);
    if (op === "remove") delete at[last];
    else if (op === "test" && JSON.stringify(at[last]) !== JSON.stringify(value))
      throw new PatchFault(`${path} is another`);
    else if (op === "add" || op === "replace") at[last] = value ?? null;
    else if (op !== "test") throw new PatchFault(`${op} is no operation`);
  }
  return result;
};
