import type { Command } from "./command.ts";

/** A command's name has one to three words. */
const LENGTHS = [3, 2, 1];

/** The most of these first words that names a command, or a family of commands such as "proxy". */
export function beginningOf(names: readonly string[], commands: readonly Command[]): string | undefined {
  return LENGTHS.map((count) => names.slice(0, count).join(" ")).find((beginning) =>
    commands.some(({ name }) => `${name} `.startsWith(`${beginning} `)),
  );
}

/** The command that these words, options left out, begin with. */
export function commandNamed(names: readonly string[], commands: readonly Command[]): Command | undefined {
  const beginning = beginningOf(names, commands);
  return commands.find(({ name }) => name === beginning);
}
