// Takes the files out of a guide: every block of TypeScript that begins with `// file: NAME`.
// Usage: node extract.mjs GUIDE DIRECTORY
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [guide, directory] = process.argv.slice(2);
const names = [];
for (const [, block] of readFileSync(guide, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
  const name = /^\/\/ file: ([a-z]+\.ts)\n/.exec(block)?.[1];
  if (name === undefined) throw new Error(`a block of TypeScript without its file's name: ${block.slice(0, 60)}`);
  if (names.includes(name)) throw new Error(`${name} stands there twice`);
  names.push(name);
  writeFileSync(join(directory, name), block);
}
if (names.length < 5) throw new Error(`only ${names.length} files in ${guide}`);
console.log(names.join(" "));
