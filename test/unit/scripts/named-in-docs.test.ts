import { expect, test } from "bun:test";
import { brokenLinks, unknownNames } from "../../../scripts/named-in-docs.ts";

const known = {
  exists: (path: string) => ["src/base/log.ts", "test/README.md"].includes(path),
  sources: [
    "export class Peer {\n  static async listen<T>(port: T) {\n    go(port);\n  }\n}\n",
    "export function start(): void {\n  stop();\n}\nconst later = () => {};\n",
  ],
};

test.each([
  "`base/log.ts` and `src/base/log.ts`, [tests](test/README.md)",
  "Peer.listen(), start() and later()",
  "`~/.config/tunnel/config.yaml`, `STATE_DIR/endpoint.json`, example.test/path, process exit codes",
])("what is there is known: %s", (text) => {
  expect(unknownNames(text, known)).toEqual([]);
});

test.each([
  ["`base/logs.ts`", "base/logs.ts"],
  ["Peer.go()", "Peer.go()"],
  ["Other.listen()", "Other.listen()"],
  ["stop(), which is only called", "stop()"],
])("what is not there is named: %s", (text, name) => {
  expect(unknownNames(text, known)).toEqual([name]);
});

test("links lead to files and headings that are there", () => {
  const files = new Map([
    ["docs/a.md", "# A\n[b](b.md) [top](../README.md#the-tunnels-links) [own](#a) [web](https://x.test/#y)"],
    ["docs/b.md", "[a](a.md#b) [gone](gone.md) [top](README.md)\n```sh\n# b\n```"],
    ["README.md", "## The tunnel's links"],
  ]);
  const read = (path: string) => files.get(path);
  expect(brokenLinks("docs/a.md", read)).toEqual([]);
  expect(brokenLinks("docs/b.md", read)).toEqual(["(a.md#b)", "(gone.md)", "(README.md)"]);
});
