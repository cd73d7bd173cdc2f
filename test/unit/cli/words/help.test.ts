import { describe, expect, test } from "bun:test";
import { UsageError } from "../../../../src/base/errors.ts";
import { OPTIONS } from "../../../../src/cli/config/options.ts";
import { parseArgv } from "../../../../src/cli/words/argv.ts";
import { COMMANDS } from "../../../../src/cli/words/command-table.ts";
import { helpText } from "../../../../src/cli/words/help.ts";

test("the overview names every command under its group", () => {
  const text = helpText("", COMMANDS);
  for (const { name, group, summary } of COMMANDS) {
    expect(text).toContain(`\n${group}:\n`);
    expect(text).toMatch(new RegExp(`^ {2}${name} +${summary.slice(0, 20)}`, "m"));
  }
});

describe.each(COMMANDS.map((command) => [command.name, command] as const))("%s --help", (name, command) => {
  const text = helpText(name, COMMANDS);

  test("names every option and operand", () => {
    for (const key of command.options) expect(text).toContain(`--${OPTIONS[key].flag}`);
    for (const operand of command.operands ?? []) expect(text).toContain(operand.name);
  });

  test("has examples, and each of them is a command line that parses", () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) {
      expect(text).toContain(example);
      const words = example.replace(/^eval "\$\((.*)\)"$/, "$1").split(" ");
      expect(words.shift()).toBe("tunnel");
      expect(parseArgv(words, COMMANDS)).toMatchObject({ type: "command", command });
    }
  });

  test("fits a terminal of a hundred columns", () => {
    const wide = text.split("\n").filter((line) => line.length > 100 && !line.includes("1a2b3c4d"));
    expect(wide).toEqual([]);
  });
});

test("a first word of two has help of its own; an unknown one is refused", () => {
  expect(helpText("proxy", COMMANDS)).toContain("proxy destination");
  expect(() => helpText("nope", COMMANDS)).toThrow(UsageError);
});
