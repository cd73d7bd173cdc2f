import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { substitute } from "../../../scripts/build-lib.ts";
import { Declarations } from "../../../scripts/declarations.ts";
import { SUBPATHS } from "../../../scripts/package-json.ts";

test("a file gets what Node.js 20 has not, and only what it uses", () => {
  expect(substitute("const a = 1;\n", "node20.js")).toBe("const a = 1;\n");
  expect(substitute("const { promise } = Promise.withResolvers();\n", "../lib/node20.js")).toBe(
    'import { withResolvers } from "../lib/node20.js";\nconst { promise } = withResolvers();\n',
  );
  expect(substitute("new AsyncDisposableStack(); Promise.withResolvers()", "node20.js")).toBe(
    'import { withResolvers, DisposableStack } from "./node20.js";\nnew DisposableStack(); withResolvers()',
  );
});

test("every path that can be imported is a file, whose first words say what it is", () => {
  const files = readdirSync("src/lib");
  for (const name of SUBPATHS) {
    expect(files).toContain(`${name}.ts`);
    expect(readFileSync(`src/lib/${name}.ts`, "utf8")).toStartWith("// ");
  }
});

const FILES: Readonly<Record<string, string>> = {
  "lib/a.ts": `import { Inner } from "../b.ts";
export type { Shape as Form } from "../b.ts";
/** Says
 * things. */
export interface Options extends Inner {
    /** a comment */
    readonly a: {
        readonly b: string;
    };
}
export declare function go(options: Options): void;
export declare function go(options: string): void;
interface Alone {
    readonly x: 1;
}
export {};
`,
  "b.ts": `export type Shape = "round" | Square;
type Square = "square";
export interface Inner {
    readonly size: number;
}
export interface Unused {
}
`,
};

test("the report has what is exported and what that is made of, without comments and the rest", () => {
  const declarations = new Declarations((file) => FILES[file] ?? "");
  expect(declarations.exportsOf("lib/a.ts")).toEqual(["Form", "Options", "go"]);
  const found = declarations.reachable(["lib/a.ts"]);
  expect(found.map(({ file, name }) => `${file} ${name}`)).toEqual([
    "b.ts Inner",
    "b.ts Shape",
    "b.ts Square",
    "lib/a.ts Options",
    "lib/a.ts go",
  ]);
  expect(found.find(({ name }) => name === "Options")?.text).toBe(
    "export interface Options extends Inner {\n    readonly a: {\n        readonly b: string;\n    };\n}",
  );
  expect(found.find(({ name }) => name === "go")?.text.split("\n")).toHaveLength(2);
});
