import { FAULT_KINDS, type FaultKind, type InjectedFault } from "../../emulator/faults/injected-fault.ts";
import { BadValueError, readDuration } from "./values.ts";

const KINDS = Object.keys(FAULT_KINDS) as readonly FaultKind[];
/** So long may anything on purpose take: the longest life of a tunnel. */
const readTime = readDuration("0s", "12h");
const UNITS = { "": 1, B: 1, kB: 1_000, MB: 1_000_000 } as const;

/** `KIND[=VALUE]` and, behind commas, `after`, `rate` and `seed`. Throws BadValueError. */
export function readFault(text: string): InjectedFault {
  const [first = "", ...words] = text.split(",");
  const [kind = "", value] = split(first);
  if (!isKind(kind)) throw new BadValueError(`begins with ${KINDS.join(", ")}`);
  const facts = new Map(words.map(split));
  const unknown = [...facts.keys()].find(
    (name) => !["rate", "seed", ...(kind === "close" ? ["after"] : [])].includes(name),
  );
  if (unknown !== undefined) throw new BadValueError(`${kind} has no “${unknown}”`);
  return {
    kind,
    value: readValue(kind, value),
    afterMs: readTime(facts.get("after") ?? "0s"),
    rate: readNumber("rate", facts.get("rate") ?? "1", 0, 1),
    seed: readNumber("seed", facts.get("seed") ?? "1", 0, 2 ** 32 - 1),
    text,
  };
}

function split(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function isKind(text: string): text is FaultKind {
  return Object.hasOwn(FAULT_KINDS, text);
}

/** What may happen at once needs no time; everything else needs its value. */
function readValue(kind: FaultKind, text: string | undefined): number {
  if (text === undefined) {
    if (["drop", "expire", "rotate"].includes(kind)) return 0;
    throw new BadValueError(`${kind} needs a value, such as ${EXAMPLES[kind]}`);
  }
  switch (FAULT_KINDS[kind].unit) {
    case "time":
      return readTime(text);
    case "code":
      return readCode(text);
    case "status":
      return readWhole("a status", text, 400, 599);
    case "rate":
      return readRate(text);
  }
}

const EXAMPLES: Readonly<Record<FaultKind, string>> = {
  drop: "drop=5s",
  close: "close=1011,after=5s",
  delay: "delay=200ms",
  throttle: "throttle=64kB",
  refuse: "refuse=503,rate=0.3",
  expire: "expire=30s",
  rotate: "rotate=30s",
};

/** The codes that an end of a WebSocket may send: not those that stand for what was not sent. */
function readCode(text: string): number {
  const code = readWhole("a close code", text, 1_000, 4_999);
  const isSendable = code <= 1_014 ? ![1_004, 1_005, 1_006].includes(code) : code >= 3_000;
  if (!isSendable) {
    throw new BadValueError(`close code ${code} is never sent: 1000 to 1003, 1007 to 1014, 3000 to 4999`);
  }
  return code;
}

function readRate(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,12})(B|kB|MB)?$/.exec(text) ?? [];
  const bytes = Number(digits) * UNITS[unit as keyof typeof UNITS];
  if (digits === "" || bytes < 1) throw new BadValueError("throttle is bytes a second, such as 64kB");
  return bytes;
}

function readWhole(what: string, text: string, min: number, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new BadValueError(`${what} is a number from ${min} to ${max}`);
  return number;
}

function readNumber(name: string, text: string, min: number, max: number): number {
  const number = /^\d{1,10}(\.\d{1,10})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new BadValueError(`${name} is a number from ${min} to ${max}`);
  return number;
}
