import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Option, spellings } from "../../../../../src/cli/config/option.ts";
import { OPTIONS } from "../../../../../src/cli/config/options.ts";
import { COMMANDS } from "../../../../../src/cli/words/command-table.ts";
import { completionAnswer } from "../../../../../src/cli/words/completion/answer.ts";
import { STUBS } from "../../../../../src/cli/words/completion/stub.ts";
import { tempDir } from "../../../../helpers/temp-dir.ts";

function makeState(tunnels = "aaaa-1\tpump-7\nbbbb-2\n", things = "pump-7\nsite:valve\n") {
  const dir = tempDir();
  const seen = join(dir.path, "tunnel/seen");
  mkdirSync(seen, { recursive: true, mode: 0o700 });
  writeFileSync(join(seen, "tunnels"), tunnels, { mode: 0o600 });
  writeFileSync(join(seen, "things"), things, { mode: 0o600 });
  const ask = (...words: string[]) =>
    completionAnswer(words, COMMANDS, { XDG_STATE_HOME: dir.path }).split("\n").slice(0, -1);
  return { ask, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

const FIRST_WORDS = [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? ""))];
const IDS = ["aaaa-1", "bbbb-2"];
const THINGS = ["pump-7", "site:valve"];
const FILES: [string, string[]] = [":files", []];
const NOTHING: [string, string[]] = [":words", []];

/** The line, its words cut at blanks; the last one is where the cursor is. */
const ROWS: [line: string, directive: string, words: string[]][] = [
  ["", ":words", FIRST_WORDS],
  ["op", ":words", FIRST_WORDS],
  ["--region eu-west-1 --json ", ":words", FIRST_WORDS],
  ["nope ", ...NOTHING],
  ["proxy ", ":words", ["source", "destination"]],
  ["serve-local ", ":words", ["thing"]],
  ["serve-local thing ", ":words", ["add", "list", "remove"]],
  ["completion ", ":words", ["bash", "zsh", "fish"]],
  ["describe ", ":words", IDS],
  ["describe --local ", ":words", IDS],
  ["describe --local arn:aws/x", ":words", IDS],
  ["describe --local ./x", ":directories", []],
  ["describe --local ./x ", ":words", IDS],
  ["describe --region x ", ":words", IDS],
  ["proxy source --tunnel ", ":words", IDS],
  ["proxy source --tunnel=a", ":words", IDS.map((id) => `--tunnel=${id}`)],
  ["open --thing ", ":words", THINGS],
  ["open --thing=pu", ":words", THINGS.map((thing) => `--thing=${thing}`)],
  ["ssh ", ":words", THINGS],
  ["ssh pump-7 ", ...NOTHING],
  ["ssh pump-7 -", ...NOTHING],
  ["localproxy -", ...NOTHING],
  ["rotate --mode ", ":words", ["source", "destination", "all"]],
  ["rotate --mode=s", ":words", ["--mode=source", "--mode=destination", "--mode=all"]],
  ["list --log-format j", ":words", ["text", "json"]],
  ["list --ca ", ...FILES],
  ["list --ca=x", ...FILES],
  ["doctor --bundle ", ...FILES],
  ["proxy source --access-token-file ", ...FILES],
  ["serve-local --state-dir ", ":directories", []],
  ["list --local=x", ":directories", []],
  ["list --context ", ...NOTHING],
  ["list --region ", ...NOTHING],
  ["open --description --json", ...NOTHING],
  ["list --nope=", ...NOTHING],
  ["tag aaaa-1 ", ...NOTHING],
  ["proxy source -p 1 -t ", ...NOTHING],
  ["run --things ", ...FILES],
  ["cp ", ...FILES],
  ["cp a ", ...FILES],
  ["cp a b -- ", ...NOTHING],
  ["connect --thing x -- ", ":command 4", []],
  ["serve-local -- printenv HO", ":command 2", []],
  ["list -- ", ...NOTHING],
];

describe("the answer to", () => {
  test.each(ROWS)("%p is %s %j", (line, directive, words) => {
    using state = makeState();
    const [first, ...lines] = state.ask(...line.split(" "));
    expect([first, ...lines.map((each) => each.split("\t")[0])]).toEqual([directive, ...words]);
  });
});

describe("options", () => {
  const optionsOf = (line: string) => {
    using state = makeState();
    return state.ask(...line.split(" ")).map((each) => each.split("\t")[0] ?? "");
  };

  test.each(COMMANDS.filter(({ isVerbatim }) => !isVerbatim).map((command) => [command.name, command]))(
    "of %s are all that it takes",
    (name, command) => {
      const own = command.options.flatMap((key) => spellings(OPTIONS[key]));
      expect(optionsOf(`${name} -`)).toEqual(
        expect.arrayContaining([...own, "--json", "--region", "--help", "-h"]),
      );
    },
  );

  test("are those of every command before one is named", () => {
    expect(optionsOf("-")).toContain("--region");
    expect(optionsOf("-")).not.toContain("--thing");
  });

  test("that were given are left out, unless they can be repeated", () => {
    expect(optionsOf("run --thing a -")).toContain("--thing");
    expect(optionsOf("open --thing a -")).not.toContain("--thing");
    const left = optionsOf("proxy source -p 1 --json --mode=x --tunnel=a --tag k=v --l");
    expect(left).toEqual(expect.arrayContaining(["--source-listen-port", "-p"]));
    expect(left).not.toContain("--json");
    expect(left).not.toContain("--tunnel");
  });

  test("come where no word is left to be typed", () => {
    expect(optionsOf("list ")).toContain("--max");
    expect(optionsOf("describe aaaa-1 ")).toContain("--watch");
  });

  test("and commands have their descriptions, tunnels their things", () => {
    using state = makeState();
    expect(state.ask("list", "--ma")).toContain("--max\tshow the newest N only");
    expect(state.ask("")).toContain("proxy\tsource, destination");
    expect(state.ask("describe", "")).toContain("aaaa-1\tpump-7");
  });
});

test("what is not a name is not offered, and nothing that a terminal obeys is written", () => {
  using state = makeState(
    "\u001b]0;title\u0007\n$(reboot)\tpump-7\naaaa-1\t\u001b[2J\n-\u202e\nbbbb-2\tpump-7\n",
    "a b\n`reboot`\npump-7\n\u0000\n",
  );
  expect(state.ask("describe", "")).toEqual([":words", "bbbb-2\tpump-7"]);
  expect(state.ask("open", "--thing", "")).toEqual([":words", "pump-7"]);
  const hostile = "\u001b]0;title\u0007\n$(reboot)";
  for (const words of [[hostile], [hostile, ""], [`--${hostile}=`], ["open", `--thing=${hostile}`]]) {
    expect(state.ask(...words).join(" ")).not.toMatch(/(?!\t)[\p{Cc}$]/u);
  }
});

test("without a state directory there is an answer too", () => {
  expect(completionAnswer(["describe", ""], COMMANDS, { XDG_STATE_HOME: "/nowhere" })).toBe(":words\n");
  expect(completionAnswer([], COMMANDS, {})).toStartWith(":words\nconnect\t");
});

test("the stubs ask with enough of each word, and less than the shortest token", () => {
  const options: readonly Option<unknown>[] = Object.values(OPTIONS);
  const words = [
    ...options.map(({ flag }) => `--${flag}=`),
    ...COMMANDS.flatMap(({ name }) => name.split(" ")),
  ];
  expect(Math.max(...words.map(({ length }) => length))).toBeLessThanOrEqual(31);
  for (const stub of Object.values(STUBS)) expect(stub).toMatch(/0:31|\[1,31\]|-l 31/);
});
