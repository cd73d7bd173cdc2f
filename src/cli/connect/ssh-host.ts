import { UsageError } from "../../base/errors.ts";
import { isApiName } from "../../base/names.ts";

/** `[USER@]THING` as it is given to ssh: `[USER@]THING.thing`. Throws UsageError with the line to type. */
export function sshHostOf(text: string, example: string): { readonly thing: string; readonly host: string } {
  const [, user, name = ""] = /^(?:(.*)@)?(.*)$/s.exec(text) ?? [];
  const thing = name.replace(/\.thing$/, "");
  if (!isApiName(thing) || thing.startsWith("-")) {
    throw new UsageError("THING: a thing's name, with USER@ before it if you like", example);
  }
  return { thing, host: `${user === undefined ? "" : `${user}@`}${thing}.thing` };
}
