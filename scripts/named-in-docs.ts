// Fails when one of our documents names a file or a function that is not there. Files are written with
// their ending, from the top or from src; functions with parentheses, methods after the name of their class.
import { existsSync, readdirSync, readFileSync } from "node:fs";

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "test/README.md", "docs/library.md"];

const FILE = /(?<![\w./-])[\w-]+(?:\/[\w.-]+)*\/[\w-]+(?:\.[\w-]+)*\.(?:tsx?|md|proto)\b/g;
const FUNCTION = /(?<![\w.])(?:(?<type>[A-Z]\w*)\.)?(?<name>[a-z]\w*)\(\)/g;

/** Names in `text` of files and functions that are not there. `sources` are the texts of src. */
export function unknownNames(
  text: string,
  { exists, sources }: { readonly exists: (path: string) => boolean; readonly sources: readonly string[] },
): string[] {
  const files = [...text.matchAll(FILE)].map(([path]) => path);
  const functions = [...text.matchAll(FUNCTION)].filter(({ groups = {} }) => {
    const { type, name } = groups;
    const owner = type === undefined ? undefined : new RegExp(`\\b(class|interface) ${type}\\b`);
    // A function, or a method two blanks in; a line that ends in ");" is a call.
    const declared = new RegExp(
      `\\b(function|const) ${name}\\b|^  ((static|async|get) )*${name}[(<](?!.*\\);$)`,
      "m",
    );
    return !sources.some((source) => (owner?.test(source) ?? true) && declared.test(source));
  });
  return [
    ...files.filter((path) => !exists(path) && !exists(`src/${path}`)),
    ...functions.map(([written]) => written),
  ];
}

function main(): void {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => readFileSync(`src/${path}`, "utf8"));
  for (const document of DOCUMENTS) {
    for (const name of unknownNames(readFileSync(document, "utf8"), { exists: existsSync, sources })) {
      console.error(`${document}: there is no ${name}`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) main();
