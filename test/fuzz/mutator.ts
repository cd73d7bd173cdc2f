import type { Random } from "../sim/random.ts";
import { changeJson } from "./json.ts";
import { type Target, textOf } from "./target.ts";

/** Bytes at which decoders change their mind. */
const EDGES = [0, 1, 2, 7, 8, 0x20, 0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
/** Changes to one input: often one, seldom many. */
const MAX_CHANGES = 6;
/** Longest run of bytes that is moved, removed or doubled at once. */
const MAX_RUN = 24;
/** How seldom a run fills all that is left: decoders that take too long do so for long inputs. */
const STRETCHED = 1 / 10_000;

/** Makes new inputs of old ones, in one buffer: an input is good until the next one is made. */
export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Uint8Array[];
  readonly #isJson: boolean;
  readonly #buffer: Uint8Array;
  #length = 0;

  constructor({ words, maxLength, isJson = false }: Target, random: Random) {
    this.#random = random;
    this.#words = words;
    this.#isJson = isJson;
    this.#buffer = new Uint8Array(maxLength);
  }

  /** `input` with a few changes; `other` lends it an end. */
  change(input: Uint8Array, other: Uint8Array): Uint8Array {
    if (this.#isJson && this.#random.chance(0.6) && this.#changeTree(input, other)) {
      return this.#buffer.subarray(0, this.#length);
    }
    this.#length = Math.min(input.length, this.#buffer.length);
    this.#buffer.set(input.subarray(0, this.#length));
    let changes = 1;
    while (changes < MAX_CHANGES && this.#random.chance(0.5)) changes++;
    for (; changes > 0; changes--) this.#changeOnce(other);
    if (this.#random.chance(STRETCHED)) this.#stretch();
    return this.#buffer.subarray(0, this.#length);
  }

  #changeOnce(other: Uint8Array): void {
    const random = this.#random;
    switch (this.#length === 0 ? 2 : random.int(0, 9)) {
      case 0:
        return this.#set(this.#place(), random.int(0, 255));
      case 1:
        return this.#set(this.#place(), random.pick(EDGES));
      case 2:
        return this.#insert(random.int(0, this.#length), noise(random));
      case 3:
        return this.#remove(this.#place(), random.int(1, MAX_RUN));
      case 4:
        return this.#double();
      case 5:
        return this.#set(this.#place(), 1 << random.int(0, 7), true);
      case 6:
        return this.#takeEnd(other);
      case 7:
        return this.#setWord();
      default:
        return this.#insertWord();
    }
  }

  /** Changes the tree of one of the documents in an input, which are lines; what stands before it stays. */
  #changeTree(input: Uint8Array, other: Uint8Array): boolean {
    const lines = textOf(input).split("\n");
    const chosen = this.#random.int(0, lines.length - 1);
    const line = lines[chosen] ?? "";
    const start = line.indexOf("{");
    const changed = start < 0 ? undefined : changeJson(line.slice(start), documentIn(other), this.#random);
    if (changed === undefined) return false;
    lines[chosen] = line.slice(0, start) + changed;
    const { written } = new TextEncoder().encodeInto(lines.join("\n"), this.#buffer);
    this.#length = written;
    return true;
  }

  /** Repeats a run to the end of the buffer. */
  #stretch(): void {
    const from = this.#length === 0 ? 0 : this.#place();
    const run = this.#buffer.slice(
      from,
      Math.max(from + 1, Math.min(this.#length, from + this.#random.int(1, 8))),
    );
    while (this.#length < this.#buffer.length) this.#insert(this.#length, run);
  }

  #place(): number {
    return this.#random.int(0, this.#length - 1);
  }

  #set(at: number, byte: number, isFlip = false): void {
    this.#buffer[at] = isFlip ? (this.#buffer[at] as number) ^ byte : byte;
  }

  #insert(at: number, bytes: Uint8Array): void {
    const room = Math.min(bytes.length, this.#buffer.length - this.#length);
    this.#buffer.copyWithin(at + room, at, this.#length);
    this.#buffer.set(room === bytes.length ? bytes : bytes.subarray(0, room), at);
    this.#length += room;
  }

  #remove(at: number, length: number): void {
    const end = Math.min(this.#length, at + length);
    this.#buffer.copyWithin(at, end, this.#length);
    this.#length -= end - at;
  }

  /** Copies a run to another place. */
  #double(): void {
    const from = this.#place();
    const run = this.#buffer.slice(from, Math.min(this.#length, from + this.#random.int(1, MAX_RUN)));
    this.#insert(this.#random.int(0, this.#length), run);
  }

  #takeEnd(other: Uint8Array): void {
    if (other.length === 0) return;
    const at = this.#place();
    const tail = other.subarray(this.#random.int(0, other.length - 1));
    this.#length = at;
    this.#insert(at, tail);
  }

  #setWord(): void {
    const word = this.#word();
    const at = this.#place();
    const room = Math.min(word.length, this.#buffer.length - at);
    this.#buffer.set(word.subarray(0, room), at);
    this.#length = Math.max(this.#length, at + room);
  }

  #insertWord(): void {
    this.#insert(this.#random.int(0, this.#length), this.#word());
  }

  #word(): Uint8Array {
    return this.#words.length === 0 ? noise(this.#random) : this.#random.pick(this.#words);
  }
}

function noise(random: Random): Uint8Array {
  const bytes = new Uint8Array(random.int(1, 8));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.int(0, 255);
  return bytes;
}

function documentIn(input: Uint8Array): string {
  const whole = textOf(input);
  return whole.slice(Math.max(0, whole.indexOf("{"))).split("\n", 1)[0] ?? "";
}
