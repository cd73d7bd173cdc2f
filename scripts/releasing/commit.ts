// What is released: a commit, whose time is the only one that a file may have in it.
import { execFileSync } from "node:child_process";

export interface Commit {
  readonly id: string;
  readonly date: Date;
  /** Files differ from it: what is built is of no commit. */
  readonly isChanged: boolean;
}

/** The commit that is checked out; its date is SOURCE_DATE_EPOCH where that is set. */
export function currentCommit(): Commit {
  const epoch = process.env["SOURCE_DATE_EPOCH"] ?? git("log", "-1", "--format=%ct");
  return {
    id: git("rev-parse", "HEAD"),
    date: new Date(Number(epoch) * 1_000),
    isChanged: git("status", "--porcelain", "--untracked-files=no") !== "",
  };
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8" }).trim();
}
