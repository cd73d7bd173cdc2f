import { describe, expect, test } from "bun:test";
import { UsageError } from "../../../../src/base/errors.ts";
import { parseArgv, wantsJson } from "../../../../src/cli/words/argv.ts";
import { COMMANDS } from "../../../../src/cli/words/command-table.ts";

/** The words after `tunnel`, separated by single spaces. */
const parse = (line: string) => parseArgv(line === "" ? [] : line.split(" "), COMMANDS);

function parseCommand(line: string) {
  const request = parse(line);
  if (request.type !== "command") throw new Error(`not a command: ${request.type}`);
  const { command, flags, operands, rest } = request;
  return { name: command.name, flags: Object.fromEntries(flags), operands, rest };
}

function failureOf(line: string): { message: string; hint: string | undefined } {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error(`no failure: ${line}`);
}

describe("commands", () => {
  test.each([
    ["list", { name: "list", flags: {}, operands: [] }],
    ["describe ID", { name: "describe", flags: {}, operands: ["ID"] }],
    ["--json describe ID", { name: "describe", flags: { json: [""] }, operands: ["ID"] }],
    ["describe --json ID", { name: "describe", flags: { json: [""] }, operands: ["ID"] }],
    ["proxy source -p 1", { name: "proxy source", flags: { listenOn: ["1"] }, operands: [] }],
    ["proxy --json source -p1", { name: "proxy source", flags: { json: [""], listenOn: ["1"] } }],
    ["list --region=eu-west-1", { name: "list", flags: { region: ["eu-west-1"] } }],
    ["run --thing a --thing=b -- x", { flags: { thing: ["a", "b"] }, rest: ["x"] }],
    ["describe 007", { name: "describe", operands: ["007"] }],
    ["proxy source -p 1 --access-token-file -", { flags: { listenOn: ["1"], accessTokenFile: ["-"] } }],
    ["proxy source -p 1 --no-client-token", { flags: { listenOn: ["1"], noClientToken: [""] } }],
  ])("%s", (line, expected) => {
    expect(parseCommand(line)).toMatchObject(expected);
  });

  test("a repeatable option takes one value and leaves the next word alone", () => {
    expect(parseCommand("tag --remove a ID b=c --remove d e=f")).toMatchObject({
      flags: { remove: ["a", "d"] },
      operands: ["ID", "b=c", "e=f"],
    });
    expect(parseCommand("open --service SSH --service VNC --tag a=b").flags).toEqual({
      service: ["SSH", "VNC"],
      tag: ["a=b"],
    });
  });

  test.each([
    ["open --thing A --thing B", "--thing is given 2 times; it takes one value", "tunnel open --help"],
    ["list --region a --region=a", "--region is given 2 times; it takes one value", "tunnel list --help"],
    ["list --local --local ./x", "--local is given 2 times; it takes one value", "tunnel list --help"],
    [
      "proxy source -p 1 -t a -t b",
      "--access-token is given 2 times; it takes one value",
      "tunnel proxy source --help",
    ],
  ])("an option for one value is refused when repeated: %s", (line, message, hint) => {
    expect(failureOf(line)).toEqual({ message, hint });
  });

  test.each([
    ["-p x"],
    ["-p=x"],
    ["-p2222"],
    ["-x"],
    ["--json is what I want"],
    ["--nothing=of ours"],
    ["-"],
    ["- a list"],
    ["--local ./x"],
    ["-1"],
    [""],
    [" "],
    ["a=b --c"],
    ["two\nlines\n-p 1"],
  ])("a value stays as it is: %j", (value) => {
    for (const words of [["--description", value], [`--description=${value}`]]) {
      const request = parseArgv(["open", "--service", "SSH", ...words, "--json"], COMMANDS);
      expect(request.type === "command" && Object.fromEntries(request.flags)).toEqual({
        service: ["SSH"],
        description: [value],
        json: [""],
      });
    }
  });

  test("a value may be attached to a letter, or be what another option is called in part", () => {
    expect(parseCommand("proxy source -pSSH=2222 -t -token --linger 2s").flags).toEqual({
      listenOn: ["SSH=2222"],
      accessToken: ["-token"],
      linger: ["2s"],
    });
  });

  test("what follows -- belongs to another command", () => {
    expect(parseCommand("serve-local --ephemeral -- npm test --json --nope")).toMatchObject({
      flags: { ephemeral: [""] },
      rest: ["npm", "test", "--json", "--nope"],
    });
    expect(parseCommand("serve-local --").rest).toEqual([]);
  });
});

describe("--local takes the next word only if it has a slash", () => {
  test.each([
    ["list --local", "", []],
    ["list --local ./state", "./state", []],
    ["list --local /tmp/state", "/tmp/state", []],
    ["list --local=state", "state", []],
    ["describe --local ID", "", ["ID"]],
    ["--local describe ID", "", ["ID"]],
    ["describe --local ./state ID", "./state", ["ID"]],
    ["tag --local arn:aws:iot:r:1:tunnel/x", "", ["arn:aws:iot:r:1:tunnel/x"]],
    ["list --local --json", "", []],
  ])("%s", (line, stateDir, operands) => {
    const { flags, operands: found } = parseCommand(line);
    expect(flags["local"]).toEqual([stateDir]);
    expect(found).toEqual(operands);
  });
});

describe("help and version", () => {
  test.each([
    ["", ""],
    ["--help", ""],
    ["help", ""],
    ["open --help", "open"],
    ["open --nope -h", "open"],
    ["help open", "open"],
    ["proxy --help", "proxy"],
    ["help proxy source", "proxy source"],
    ["proxy source -p 1 --help", "proxy source"],
    ["nope --help", "nope"],
  ])("%p is help about %p", (line, topic) => {
    expect(parse(line)).toEqual({ type: "help", topic });
  });

  test("--version is found beside other options", () => {
    expect(parse("--json --version")).toEqual({ type: "version" });
    expect(parse("-V")).toEqual({ type: "version" });
  });
});

describe("mistakes come with the corrected command", () => {
  test.each([
    ["opne --thing x", 'unknown command "opne"', "tunnel open --thing x"],
    ["lst", 'unknown command "lst"', "tunnel list"],
    ["xyzzy", 'unknown command "xyzzy"', "tunnel --help"],
    ["ls", 'unknown command "ls"', "tunnel --help"],
    ["proxy", '"tunnel proxy" needs one of: source, destination', "tunnel proxy source --help"],
    ["proxy sorce -p 1", 'unknown command "proxy sorce"', "tunnel proxy source -p 1"],
    ["proxy nothing", 'unknown command "proxy nothing"', "tunnel proxy --help"],
    ["list --regoin eu-west-1", 'unknown option "--regoin"', "tunnel list --region eu-west-1"],
    ["list --regoin=eu-west-1", 'unknown option "--regoin"', "tunnel list --region=eu-west-1"],
    ["--lcoal list", 'unknown option "--lcoal"', "tunnel --local list"],
    ["--regoin eu-west-1 list", 'unknown option "--regoin"', "tunnel --region eu-west-1 list"],
    ["list --nope", 'unknown option "--nope"', "tunnel list --help"],
    ["list -x", 'unknown option "-x"', "tunnel list --help"],
    ["list --__proto__", 'unknown option "--__proto__"', "tunnel list --help"],
    ["list --thing", "--thing needs a value: THING", "tunnel list --help"],
    ["open --thing --service SSH", "--thing needs a value: THING", "tunnel open --help"],
    ["proxy source -p", "-p needs a value: [SERVICE=]", "tunnel proxy source --help"],
    ["describe --thing x ID", '"tunnel describe" has no option "--thing"', "tunnel describe --help"],
    ["describe", "ID is missing: the tunnel's id", "tunnel describe 1a2b"],
    ["describe a b", 'unexpected "b"', "tunnel describe --help"],
    ["list x", 'unexpected "x"', "tunnel list --thing x"],
    ["list a/b", 'unexpected "a/b"', "tunnel list --help"],
    ["list --thing x y", 'unexpected "y"', "tunnel list --help"],
    ["connect pump-7", 'unexpected "pump-7"', "tunnel connect --thing pump-7"],
    ["connect --thing x SSH", 'unexpected "SSH"', "tunnel connect --thing x --service SSH"],
    ["connect --thing x --service x x", 'unexpected "x"', "tunnel connect --thing x --service x -- x"],
    [
      "connect --thing x --service SSH ls -l",
      'unexpected "ls"',
      "tunnel connect --thing x --service SSH -- ls -l",
    ],
    ["open --service SSH pump-7", 'unexpected "pump-7"', "tunnel open --service SSH --thing pump-7"],
    [
      "proxy destination -p 22",
      '"tunnel proxy destination" has no option "-p"',
      "tunnel proxy destination --help",
    ],
    [
      "proxy destination -p22",
      '"tunnel proxy destination" has no option "-p"',
      "tunnel proxy destination --help",
    ],
    ["list --json=maybe", '--json takes no value: "maybe"', "tunnel list --help"],
    ["list --json=", '--json takes no value: ""', "tunnel list --help"],
    ["list -- x", '"--" has no meaning for "tunnel list"', "tunnel list --help"],
    ["--json", "no command given", "tunnel --help"],
    ["-- x", "no command given", "tunnel --help"],
  ])("%s", (line, message, hint) => {
    const failure = failureOf(line);
    expect(failure.message).toStartWith(message);
    expect(failure.hint).toStartWith(hint);
  });

  test("an access token is not repeated in the corrected command", () => {
    for (const line of [
      "proxy source -t SECRET --jsn",
      "proxy source -tSECRET --jsn",
      "proxy source -t=SECRET --jsn",
      "proxy source --access-token=SECRET --jsn",
      "proxy source --client-token SECRET --jsn",
    ]) {
      expect(failureOf(line).hint).toEndWith("--json");
      expect(failureOf(line).hint).not.toContain("SECRET");
    }
    for (const line of ["proxy source --acess-token SECRET", "proxy source --acess-token=SECRET"]) {
      expect(failureOf(line).hint).toContain("--access-token");
      expect(JSON.stringify(failureOf(line))).not.toContain("SECRET");
    }
    expect(parseCommand("proxy source -tSECRET -p=A=1").flags).toEqual({
      accessToken: ["SECRET"],
      listenOn: ["A=1"],
    });
  });

  test("words that a shell would change are quoted, control characters escaped", () => {
    const words = ["open", "--description", "a 'b' $c", "--jsn"];
    expect(() => parseArgv(words, COMMANDS)).toThrow(UsageError);
    try {
      parseArgv(words, COMMANDS);
    } catch (error) {
      expect((error as UsageError).hint).toBe(`tunnel open --description 'a '\\''b'\\'' $c' --json`);
    }
    expect(failureOf("\u001b[31mlist").message).toBe('unknown command "\\u001b[31mlist"');
  });
});

test("JSON is wanted of ours only, even when the rest cannot be read", () => {
  expect(wantsJson(["nope", "--json"])).toBe(true);
  expect(wantsJson(["serve-local", "--", "x", "--json"])).toBe(false);
  expect(wantsJson(["list"])).toBe(false);
});
