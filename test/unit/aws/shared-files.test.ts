import { expect, test } from "bun:test";
import { expandPath } from "../../../src/aws/shared-files.ts";
import { POSIX, WINDOWS } from "../../../src/base/platform.ts";

const ENV = { HOME: "/home/jane", USERPROFILE: String.raw`C:\Users\jane`, AT: "here" };

test("on Windows the files of the AWS CLI are in the user's profile", () => {
  expect(
    ["~/.aws/config", String.raw`~\x`, `%AT%/$AT/$${"{AT}"}`, "%NONE%"].map((path) =>
      expandPath(path, ENV, WINDOWS),
    ),
  ).toEqual([String.raw`C:\Users\jane/.aws/config`, String.raw`C:\Users\jane\x`, "here/here/here", "%NONE%"]);
});

test("elsewhere they are in the home, and a percent sign is one", () => {
  expect(
    ["~/.aws/config", `%AT%/$AT/$${"{AT}"}`, "$NONE"].map((path) => expandPath(path, ENV, POSIX)),
  ).toEqual(["/home/jane/.aws/config", "%AT%/here/here", "$NONE"]);
});
