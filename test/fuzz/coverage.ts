// Coverage of our own sources while they run under Bun, which counts none itself at run time: each source is read
// through a plugin that puts a call into every branch of it.
import { readFileSync } from "node:fs";
import { type Node, parse } from "acorn";
import type { Feedback } from "./campaign.ts";

/** Pairs of places, one after the other, by hash: two that share an entry cost a hint, nothing else. */
const PAIRS = 1 << 18;
const MAX_PLACES = 1 << 16;

/** A source as it was loaded: places `first` to `end` - 1 are its branches. */
interface Loaded {
  readonly first: number;
  readonly end: number;
}

/** Which branches of the sources were reached since the last `clear`. */
export class Coverage implements Feedback {
  /** Pairs of places reached, one after the other. */
  seen = 0;
  readonly #places = new Uint8Array(MAX_PLACES);
  readonly #pairs = new Uint8Array(PAIRS);
  readonly #files: Loaded[] = [];
  #count = 0;
  #last = 0;

  /** Counts in every source that matches and is imported from now on. */
  watch(filter: RegExp): void {
    (globalThis as unknown as { $hit: (place: number) => void }).$hit = this.#counter();
    Bun.plugin({
      name: "coverage",
      setup: ({ onLoad }) => {
        onLoad({ filter }, ({ path }) => ({ contents: this.#read(path), loader: "js" }));
      },
    });
  }

  /** Forgets what was reached, as one target follows another. */
  clear(): void {
    this.#places.fill(0);
    this.#pairs.fill(0);
    this.seen = 0;
  }

  begin(): void {
    this.#last = 0;
  }

  /** Branches reached, and all branches of the files in which any was. */
  get places(): { readonly reached: number; readonly all: number } {
    let reached = 0;
    let all = 0;
    for (const { first, end } of this.#files) {
      const here = this.#places.subarray(first, end).reduce((sum, isReached) => sum + isReached, 0);
      reached += here;
      if (here > 0) all += end - first;
    }
    return { reached, all };
  }

  #counter(): (place: number) => void {
    const places = this.#places;
    const pairs = this.#pairs;
    return (place) => {
      const pair = (Math.imul(this.#last, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b)) >>> 14;
      this.#last = place + 1;
      if (pairs[pair] === 1) return;
      pairs[pair] = 1;
      places[place] = 1;
      this.seen += 1;
    };
  }

  #read(path: string): string {
    const loader = path.endsWith("x") ? "tsx" : path.endsWith("js") ? "js" : "ts";
    const plain = new Bun.Transpiler({ loader, target: "bun" }).transformSync(readFileSync(path, "utf8"));
    const first = this.#count;
    const counted = withCalls(plain, () => this.#count++);
    if (this.#count > MAX_PLACES) throw new RangeError(`more than ${MAX_PLACES} branches`);
    this.#files.push({ first, end: this.#count });
    return counted;
  }
}

/** A program with a call of `$hit` in every branch: functions, blocks, both sides of conditions. */
export function withCalls(program: string, nextPlace: () => number): string {
  const tree = parse(program, { ecmaVersion: "latest", sourceType: "module" });
  const pieces: { readonly at: number; readonly text: string }[] = [];
  const call = () => `$hit(${nextPlace()})`;
  const insideBlock = (block: Node) => pieces.push({ at: block.start + 1, text: `${call()};` });
  visit(tree, undefined, {
    enter(node, parent, role) {
      if (node.type === "BlockStatement" && role !== "static") insideBlock(node);
      else if (isBranchStatement(node, parent, role)) pieces.push({ at: node.start, text: `{${call()};` });
      else if (isBranchExpression(parent, role)) pieces.push({ at: node.start, text: `(${call()},` });
      else if (node.type === "SwitchCase") pieces.push({ at: colonOf(program, node), text: `${call()};` });
    },
    leave(node, parent, role) {
      if (node.type === "BlockStatement") return;
      if (isBranchStatement(node, parent, role)) pieces.push({ at: node.end, text: "}" });
      else if (isBranchExpression(parent, role)) pieces.push({ at: node.end, text: ")" });
    },
  });
  let counted = "";
  let from = 0;
  // Sorting keeps the order of those at one place: outer before inner, and an end before the next beginning.
  for (const { at, text } of pieces.toSorted((one, other) => one.at - other.at)) {
    counted += program.slice(from, at) + text;
    from = at;
  }
  return counted + program.slice(from);
}

interface Visitor {
  enter(node: Node, parent: Node | undefined, role: string): void;
  leave(node: Node, parent: Node | undefined, role: string): void;
}

/** Walks the tree; `role` is the member of the parent in which a node stands. */
function visit(node: Node, parent: Node | undefined, visitor: Visitor, role = ""): void {
  visitor.enter(node, parent, role);
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, node, visitor, name);
    }
  }
  visitor.leave(node, parent, role);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

const LOOPS = ["ForStatement", "ForOfStatement", "ForInStatement", "WhileStatement", "DoWhileStatement"];

/** A statement without braces that is a branch. */
function isBranchStatement(node: Node, parent: Node | undefined, role: string): boolean {
  if (parent?.type === "IfStatement") {
    return role === "consequent" || (role === "alternate" && node.type !== "IfStatement");
  }
  return role === "body" && LOOPS.includes(parent?.type ?? "");
}

function isBranchExpression(parent: Node | undefined, role: string): boolean {
  if (parent?.type === "ConditionalExpression") return role === "consequent" || role === "alternate";
  if (parent?.type === "LogicalExpression") return role === "right";
  return parent?.type === "ArrowFunctionExpression" && role === "body";
}

/** Where the statements of a case begin. */
function colonOf(program: string, node: Node): number {
  const { test, consequent } = node as Node & { test: Node | null; consequent: readonly Node[] };
  const [first] = consequent;
  if (first !== undefined) return first.start;
  return program.indexOf(":", test?.end ?? node.start) + 1;
}
