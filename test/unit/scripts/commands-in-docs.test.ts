import { expect, test } from "bun:test";
import { faultsOf } from "../../../scripts/commands-in-docs.ts";

function block(kind: string, text: string): string {
  return `Before\n\n\`\`\`${kind}\n${text}\n\`\`\`\n\nafter`;
}

test.each([
  block("sh", "tunnel open --thing pump-7 --service SSH   # opens\nscripts/demo"),
  block("sh run", "tunnel serve-local &"),
  block("console run", "$ tunnel list --local\nno tunnels, and tunnel nonsense --in an answer"),
  block("yaml workflow", "jobs:\n  a:\n    steps:\n      - run: tunnel serve-local -- npm test"),
  block("text", "12:00 info  connect: resumed"),
  block("json", "{}"),
  "`tunnel rotate ID --mode source`, `tunnel tag ID [K=V]… [--remov K]…`, `tunnel rotate`, `--json`",
])("right: %s", (markdown) => {
  expect(faultsOf(markdown)).toEqual([]);
});

test.each([
  [block("sh", "tunnel opne --service SSH"), "opne"],
  [block("sh", "tunnel open --servce SSH"), "--servce"],
  [block("sh", "tunnel open --lifetime 13h"), "lifetime"],
  [block("sh", "tunnel list &&\n  tunnel clse X"), "clse"],
  [block("sh", "echo $(tunnel lst)"), "lst"],
  [block("sh", "tunnel serve-local -- tunnel lst"), "lst"],
  [block("sh", "tunnel connect --thing x --service SSH -- nonsense"), "nonsense"],
  [block("sh", "localproxy -r eu-west-1 -Z"), "unrecognised option '-Z'"],
  [block("sh", "tunnel localproxy -r eu-west-1 -s SSH=22 -d 22"), "Must specify one and only one"],
  [block("sh", "podman run --rm tunnel lst"), "lst"],
  [block("sh", "tunel list"), "tunel list: is no command of ours"],
  [block("sh", "scripts/not-there"), "scripts/not-there"],
  [block("sh", "tunnel ssh pump-7 --local"), "--local would go to ssh"],
  [block("console run", "$ tunnel lst\nanswer"), "lst"],
  [block("yaml workflow", "a:\n  script:\n    - tunnel lst"), "lst"],
  [block("json", "{"), "JSON"],
  [block("js", "const = 1"), "line 4"],
  [block("", "tunnel list"), "nothing would look"],
  [block("bash", "tunnel list"), "nothing would look"],
  [block("text", "$ tunnel list"), "make it console run"],
  ["Before\n\n    $ tunnel list\n", "indented block"],
  ["`tunnel rotate --mode both ID x`", "unexpected"],
  ["`tunnel opne`", "opne"],
  ["`--resume-timout`", "there is no option --resume-timout"],
])("wrong: %s", (markdown, fault) => {
  const faults = faultsOf(markdown);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(fault);
});

test("a block without an end is told", () => {
  expect(() => faultsOf("```sh\ntunnel list")).toThrow("line 1 has no end");
});
