// Inputs of decoders of JSON: its tokens, and changes to the tree that it stands for.
import type { Random } from "../sim/random.ts";
import { text } from "./target.ts";

/** Tokens of JSON and values at which decoders change their mind, besides a target's own. */
export const JSON_WORDS: readonly Uint8Array[] = text(
  ...["{", "}", "[", "]", ",", ":", '"', '""', "{}", "[]", "[[[[[[[[", '{"a":{"a":{"a":'],
  ...["null", "true", "false", "0", "-1", "1.5", "1e400", "9007199254740993"],
  ...['"__proto__":', '"constructor":', '"toString":', "\\u0000", "\\ud800", "\\n", "é", "\u202e"],
);

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 1.5, 65_536, 2 ** 53, 1e300, [], {}, [null], [[[[]]]]],
  ...["", "x", " ", "\n", "\u0000", "\ud800", "é", "__proto__", "1", "a".repeat(130), "😀".repeat(300)],
];

type Mapping = Readonly<Record<string, unknown>>;

/** `json` with one change in its tree; undefined for what is no JSON. `other` lends it a part. */
export function changeJson(json: string, other: string, random: Random): string | undefined {
  try {
    const changed: unknown = changeValue(JSON.parse(json), () => partOf(JSON.parse(other), random), random);
    return JSON.stringify(changed);
  } catch {
    return undefined;
  }
}

/** How seldom a value is nested, and how deep: readers that call themselves fail on some. */
const NESTED = 1 / 20_000;
const DEPTHS = [40, 8_000, 24_000];

/** The value, or one somewhere in it, in another way. */
function changeValue(value: unknown, lend: () => unknown, random: Random): unknown {
  if (random.chance(NESTED)) return nest(value, random.pick(DEPTHS));
  if (random.chance(0.15)) return random.chance(0.3) ? lend() : random.pick(VALUES);
  if (typeof value === "string") return changeText(value, random);
  if (typeof value === "number") return random.pick([value + 1, value - 1, -value, value / 2, String(value)]);
  if (Array.isArray(value)) return changeList(value, lend, random);
  if (typeof value === "object" && value !== null) return changeMapping(value as Mapping, lend, random);
  return random.pick(VALUES);
}

function nest(value: unknown, depth: number): unknown {
  let nested = value;
  for (let count = 0; count < depth; count++) nested = [nested];
  return nested;
}

function changeText(value: string, random: Random): unknown {
  const at = random.int(0, value.length);
  const piece = String(random.pick(VALUES));
  if (random.chance(0.3)) return value.slice(0, at) + value.slice(at + 1);
  return random.chance(0.9) ? value.slice(0, at) + piece + value.slice(at) : [value];
}

function changeList(list: readonly unknown[], lend: () => unknown, random: Random): unknown {
  const at = random.int(0, list.length);
  if (list.length === 0 || random.chance(0.2)) {
    return list.toSpliced(at, 0, random.pick([...list, ...VALUES]));
  }
  const place = at % list.length;
  if (random.chance(0.2)) return list.toSpliced(place, 1);
  if (random.chance(0.01)) return new Array(random.int(2, 300)).fill(list[place]);
  return list.with(place, changeValue(list[place], lend, random));
}

function changeMapping(mapping: Mapping, lend: () => unknown, random: Random): unknown {
  const entries = Object.entries(mapping);
  const [name, value] = entries[random.int(0, Math.max(0, entries.length - 1))] ?? ["", null];
  const without = entries.filter(([other]) => other !== name);
  const changed = (): [string, unknown] => {
    if (random.chance(0.1)) return [String(random.pick(VALUES)), value];
    return [name, changeValue(value, lend, random)];
  };
  if (random.chance(0.1)) return Object.fromEntries(without);
  return Object.fromEntries(
    random.chance(0.9)
      ? entries.map((each) => (each[0] === name ? changed() : each))
      : [...entries, [String(random.pick(VALUES)), lend()]],
  );
}

function partOf(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.2)) return value;
  const parts = Object.values(value);
  return parts.length === 0 ? value : partOf(random.pick(parts), random);
}
