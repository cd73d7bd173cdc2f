import { UsageError } from "../../base/errors.ts";
import { quote } from "../words/suggest.ts";
import { sshHostOf } from "./ssh-host.ts";

const EXAMPLE = "tunnel cp firmware.bin pump-7:/tmp/";

/**
 * Sources and target as scp takes them: `THING:PATH` becomes `THING.thing:PATH`, whether USER@ stands before it, and
 * `[THING]:PATH` too, for things with a colon. What has a slash before its first colon, or no colon, is a path here.
 * Throws UsageError when fewer than two are given, or none is on a device.
 */
export function scpWords(operands: readonly string[]): string[] {
  if (operands.length < 2) throw new UsageError("TARGET is missing: copy to where?", EXAMPLE);
  const words = operands.map(scpWord);
  const remote = words.filter(({ isRemote }) => isRemote);
  if (remote.length === 0) throw new UsageError("none of these is on a device, as THING:PATH is", EXAMPLE);
  // Between two devices by way of here: one cannot reach the other.
  const isBetween = remote.length > 1 && words.at(-1)?.isRemote === true;
  return [...(isBetween ? ["-3"] : []), "--", ...words.map(({ word }) => word)];
}

function scpWord(text: string): { readonly word: string; readonly isRemote: boolean } {
  if (/^scp:\/\//i.test(text)) {
    throw new UsageError(`${quote(text)} is the address of a host; a thing's file is THING:PATH`, EXAMPLE);
  }
  const [, user = "", bracketed, bare, path = ""] =
    /^([^/:[]*@)?(?:\[([^\]/]*)\]|([^/:[]*)):(.*)$/s.exec(text) ?? [];
  const name = bracketed ?? bare;
  if (name === undefined) return { word: text, isRemote: false };
  const { host } = sshHostOf(`${user}${name}`, EXAMPLE);
  const shown = bracketed === undefined ? host : `${user}[${host.slice(user.length)}]`;
  return { word: `${shown}:${path}`, isRemote: true };
}
