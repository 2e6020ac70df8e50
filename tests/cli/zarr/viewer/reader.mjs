// What zarrita reads of a Zarr store below a URL, for Node and for a page in a browser.
import * as zarr from "zarrita";

const plain = (value) => (typeof value === "bigint" ? value.toString() : value);

/** Shape, type and values of arrays; `part`: a selection that only some chunks are needed for. */
export async function read(url, names, part) {
  const root = await zarr.open(new zarr.FetchStore(url, { useSuffixRequest: true }), { kind: "group" });
  const found = {};
  for (const name of names) {
    const array = await zarr.open(root.resolve(name), { kind: "array" });
    const selected = part && array.shape.length === part.length ? part.map(([a, b]) => zarr.slice(a, b)) : null;
    const { data, shape } = await zarr.get(array, selected);
    found[name] = { dtype: array.dtype, shape, values: Array.from(data, plain) };
  }
  return found;
}
