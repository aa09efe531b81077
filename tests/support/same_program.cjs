// Exits with 1 and names the scripts whose syntax trees differ: node --expose-internals same_program.cjs A1 B1 A2 B2 …
// Node contains the parser acorn for its own use.
"use strict";
const { readFileSync } = require("node:fs");
const { parse } = require("internal/deps/acorn/acorn/dist/acorn");

function tree(path) {
  const places = new Set(["start", "end"]);
  const whole = parse(readFileSync(path, "utf8"), { ecmaVersion: "latest" });
  return JSON.stringify(whole, (key, value) => (places.has(key) ? undefined : value));
}

const paths = process.argv.slice(2);
for (let index = 0; index < paths.length; index += 2) {
  if (tree(paths[index]) !== tree(paths[index + 1])) {
    console.error(paths[index]);
    process.exitCode = 1;
  }
}
