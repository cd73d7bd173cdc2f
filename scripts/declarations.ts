// Reads the declarations that the compiler writes: which names a file exports, and what stands behind each.
import { dirname, join } from "node:path/posix";

/** A declaration that can be reached from the library's files, without comments. */
export interface Declaration {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

interface Module {
  /** By the name in this file: another file of ours and the name there. */
  readonly imports: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
  readonly exports: readonly string[];
  readonly declared: ReadonlyMap<string, string>;
}

const STATEMENT = /^(?:export |declare |import |type |interface ).*(?:\n(?:[ \t{}()[\]|&].*)?)*/gm;
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:class|function|const|interface|type|namespace) (\w+)/;
const FROM = /^(?<what>import|export) (?:type )?\{(?<names>[^}]*)\} from "(?<from>[^"]+)"/;

/** The library's declarations; `read` gives a file's text by its path from src, with `.ts`. */
export class Declarations {
  readonly #read: (file: string) => string;
  readonly #modules = new Map<string, Module>();

  constructor(read: (file: string) => string) {
    this.#read = read;
  }

  /** Names that a file exports, sorted. */
  exportsOf(file: string): string[] {
    return this.#module(file).exports.toSorted();
  }

  /** What stands behind the exports of these files, and behind what those name, by file and name. */
  reachable(files: readonly string[]): Declaration[] {
    const found = new Map<string, Declaration>();
    const waiting = files.flatMap((file) => this.exportsOf(file).map((name) => ({ file, name })));
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const declaration = this.#find(next.file, next.name);
      if (declaration === undefined) continue;
      const { file, name, text } = declaration;
      const key = `${file} ${name}`;
      if (found.has(key)) continue;
      found.set(key, declaration);
      waiting.push(...[...text.matchAll(/\b[A-Za-z_]\w*\b/g)].map(([word]) => ({ file, name: word })));
    }
    return [...found.values()].sort((a, b) => compare(a.file, b.file) || compare(a.name, b.name));
  }

  #find(file: string, name: string): Declaration | undefined {
    const { imports, declared } = this.#module(file);
    const text = declared.get(name);
    if (text !== undefined) return { file, name, text };
    const origin = imports.get(name);
    return origin && this.#find(origin.file, origin.name);
  }

  #module(file: string): Module {
    const known = this.#modules.get(file);
    if (known !== undefined) return known;
    const module = parseModule(file, this.#read(file));
    this.#modules.set(file, module);
    return module;
  }
}

function parseModule(file: string, text: string): Module {
  const imports = new Map<string, { file: string; name: string }>();
  const exports: string[] = [];
  const declared = new Map<string, string>();
  const plain = text.replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, "").replace(/^[ \t]*\/\/.*\n/gm, "");
  for (const [statement] of plain.matchAll(STATEMENT)) {
    const { what, names = "", from = "" } = FROM.exec(statement)?.groups ?? {};
    if (what === undefined) {
      const [, name] = DECLARED.exec(statement) ?? [];
      if (name === undefined) continue;
      // An overloaded function has several.
      declared.set(name, [declared.get(name), statement.trim()].filter(Boolean).join("\n"));
      if (statement.startsWith("export ") && !exports.includes(name)) exports.push(name);
      continue;
    }
    for (const [, inner = "", outer = inner] of names.matchAll(/(?:type )?(\w+)(?: as (\w+))?/g)) {
      if (what === "export") exports.push(outer);
      if (from.startsWith(".")) imports.set(outer, { file: join(dirname(file), from), name: inner });
    }
  }
  return { imports, exports, declared };
}

/** The same order on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
