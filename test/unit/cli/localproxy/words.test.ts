import { describe, expect, test } from "bun:test";
import { parseReferenceWords, ReferenceUsageError } from "../../../../src/cli/localproxy/words.ts";

const parse = (line: string) => Object.fromEntries(parseReferenceWords(line.split(" ")));

describe("words of the reference proxy", () => {
  test.each([
    ["-r us-east-1 -s SSH=5555", { region: "us-east-1", "source-listen-port": "SSH=5555" }],
    ["-rus-east-1 -sSSH=5555", { region: "us-east-1", "source-listen-port": "SSH=5555" }],
    [
      "--region=us-east-1 --source-listen-port SSH=5555",
      { region: "us-east-1", "source-listen-port": "SSH=5555" },
    ],
    ["-kv 5", { "no-ssl-host-verify": "", verbose: "5" }],
    ["--sou 1", { "source-listen-port": "1" }],
    ["--config a --config-dir b", { config: "a", "config-dir": "b" }],
    ["-v -1 ignored -- -Z", { verbose: "-1" }],
  ])("%s", (line, expected) => {
    expect(parse(line)).toEqual(expected as Record<string, string>);
  });

  test.each([
    ["-Z", "unrecognised option '-Z'"],
    ["-kZ", "unrecognised option '-kZ'"],
    ["--region=", "the argument for option '--region' should follow immediately after the equal sign"],
    ["-t --region x", "the required argument for option '--access-token' is missing"],
    ["-r a --region b", "option '--region' cannot be specified more than once"],
    [
      "--dest 1",
      "option '--dest' is ambiguous and matches '--destination-app', and '--destination-client-type'",
    ],
    ["--help=1", "option '--help' does not take any arguments"],
  ])("%s is refused", (line, message) => {
    expect(() => parse(line)).toThrow(new ReferenceUsageError(message));
  });
});
