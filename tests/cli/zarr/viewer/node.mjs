// usage: node node.mjs JSON, a list of the arguments of `read`; prints a list of what it found.
import { read } from "./reader.mjs";

const found = [];
for (const asked of JSON.parse(process.argv[2])) found.push(await read(...asked));
console.log(JSON.stringify(found));
