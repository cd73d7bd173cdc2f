import { expect, test } from "bun:test";
import { mendBraces } from "../../../scripts/braces.ts";

const LONG = `throw new Error("${"x".repeat(90)}");`;

const cases: readonly (readonly [why: string, source: string, mended: string])[] = [
  ["that fits loses its braces", "  if (a) {\n    return b;\n  }\n", "  if (a) return b;\n"],
  ["in a loop loses them too", "for (const a of b) {\n  c(a);\n}", "for (const a of b) c(a);"],
  ["that does not fit keeps them", `if (a) {\n  ${LONG}\n}`, `if (a) {\n  ${LONG}\n}`],
  ["on a line of its own gets them", `if (a)\n  ${LONG}\nb();`, `if (a) {\n  ${LONG}\n}\nb();`],
  ["of several lines gets them", "if (a)\n  b(\n    c,\n  );\nd();", "if (a) {\n  b(\n    c,\n  );\n}\nd();"],
  ["at the end of the text gets them", `if (a)\n  ${LONG}`, `if (a) {\n  ${LONG}\n}`],
  [
    "in another gets them twice",
    `if (a)\n  for (const b of c)\n    ${LONG}\nd();`,
    `if (a) {\n  for (const b of c) {\n    ${LONG}\n  }\n}\nd();`,
  ],
  ["with an else stays", "if (a) {\n  b();\n} else {\n  c();\n}", "if (a) {\n  b();\n} else {\n  c();\n}"],
  ["that is another condition stays", "if (a) {\n  if (b) c();\n}", "if (a) {\n  if (b) c();\n}"],
  ["beside another stays", "if (a) {\n  b();\n  c();\n}", "if (a) {\n  b();\n  c();\n}"],
];

test.each(cases)("a lone statement %s", (_why, source, mended) => {
  expect(mendBraces(source)).toBe(mended);
});
