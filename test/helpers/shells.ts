// Asks the real shells what their completion offers for a line.
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quoteForShell } from "../../src/base/shell.ts";
import { tunnelCommand } from "./tunnel.ts";

const COMPLETIONS = join(import.meta.dirname, "../../completions");

/**
 * What a shell offers, in its own order, without descriptions. `home` holds scratch files, the state directory, as
 * bin/tunnel the program (see installProgram), and as "said" what the user gets to see besides: zsh shows the line too.
 */
export type Complete = (line: string, home: string) => string[];

export const SHELLS: Readonly<Record<string, Complete>> = {
  bash: completeInBash,
  zsh: completeInZsh,
  fish: completeInFish,
};

/** Makes this shell script, or without one the program under test, the `tunnel` that the completions find. */
export function installProgram(
  home: string,
  script = `exec ${tunnelCommand().map(quoteForShell).join(" ")} "$@"`,
): void {
  const path = join(home, "bin/tunnel");
  mkdirSync(join(home, "bin"), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** Calls the function as readline would, with the line cut at blanks, = and :. */
function completeInBash(line: string, home: string): string[] {
  const script = `
    source ${COMPLETIONS}/tunnel.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    $(complete -p tunnel | sed 's/.*-F \\([^ ]*\\).*/\\1/') tunnel
    ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const words = line.match(/[=:]+|[^\s=:]+|(?<=\s)$/g) ?? [];
  return run("bash", ["--norc", "-c", script, "bash", ...words], home);
}

/** fish has a way to ask. */
function completeInFish(line: string, home: string): string[] {
  const script = `source ${COMPLETIONS}/tunnel.fish; complete -C ${JSON.stringify(line)}`;
  return run("fish", ["--no-config", "-c", script], home).map((offer) => offer.split("\t")[0] ?? "");
}

/** Types the line and a tab into an interactive zsh, with a compadd that also writes down what it is given. */
function completeInZsh(line: string, home: string): string[] {
  const out = join(home, "offers");
  rmSync(out, { force: true });
  writeFileSync(join(home, "setup.zsh"), ZSH_SETUP);
  const script = `
    zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z 'fpath=(${COMPLETIONS} $fpath); OUT=${out}; source ${home}/setup.zsh'
    zpty -n -w z "$1"$'\\t\\x18q'
    while zpty -r z said; do
      print -rn -- $said >> ${home}/said
      [[ -r ${out} && "$(<${out})" == *'
END'* ]] && break
    done
    zpty -d z`;
  run("zsh", ["-f", "-c", script, "zsh", line], home);
  return readFileSync(out, "utf8").split("\n").slice(1, -2);
}

const ZSH_SETUP = `
PROMPT= LISTMAX=1000
setopt nobeep nolistbeep
autoload -Uz compinit
compinit -u -D
print -r -- BEGIN > $OUT
compadd() {
  # With these it only sorts words into arrays.
  if [[ " \${(j: :)@[1,(i)--]} " == *" -"(O|A|D)" "* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  (($#hits)) && print -rl -- $hits >> $OUT
  builtin compadd "$@"
}
end-line() { print -r -- END >> $OUT; print -r -- END; }
zle -N end-line
bindkey '^Xq' end-line
bindkey '^I' complete-word
`;

function run(command: string, args: readonly string[], home: string): string[] {
  const env = {
    PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
    HOME: home,
    TERM: "xterm",
    LC_ALL: "C.UTF-8",
  };
  const { stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env,
    cwd: home,
    timeout: 15_000,
  });
  appendFileSync(join(home, "said"), stderr ?? "");
  if (error !== undefined || stderr !== "") throw error ?? new Error(`${command}: ${stderr}`);
  return stdout.split("\n").filter((each) => each !== "");
}
