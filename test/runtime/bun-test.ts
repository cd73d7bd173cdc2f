// What the tests take from `bun:test`, for Deno: each test becomes a Deno.test named after its describes.
// Snapshots, mocks and fake timers are not covered.
import { format, inspect } from "node:util";
import { expect } from "expect";

export { expect };

/** Matchers of bun:test that the `expect` package has not. */
const MATCHERS: Record<string, (received: unknown, wanted: unknown) => boolean> = {
  toBeOneOf: (received, wanted) => [...(wanted as Iterable<unknown>)].includes(received),
  toStartWith: (received, wanted) => String(received).startsWith(String(wanted)),
  toEndWith: (received, wanted) => String(received).endsWith(String(wanted)),
  toBeTrue: (received) => received === true,
  toBeFalse: (received) => received === false,
};

expect.extend(
  Object.fromEntries(
    Object.entries(MATCHERS).map(([name, matches]) => [
      name,
      (received: unknown, wanted: unknown) => ({
        pass: matches(received, wanted),
        message: () => `${name}: ${inspect(received)}, ${inspect(wanted)}`,
      }),
    ]),
  ),
);

type Body = () => unknown;
type Hook = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

/** A describe: its hooks, and how many of its tests have not ended yet. */
interface Group {
  readonly name: string;
  readonly parent: Group | undefined;
  readonly hooks: Record<Hook, Body[]>;
  isEntered: boolean;
  testsLeft: number;
}

declare const Deno: {
  test(definition: {
    name: string;
    ignore: boolean;
    sanitizeOps: boolean;
    sanitizeResources: boolean;
    fn: () => Promise<void>;
  }): void;
};

const DEFAULT_TIMEOUT_MS = 20_000;

let current = makeGroup("", undefined);

function makeGroup(name: string, parent: Group | undefined): Group {
  const hooks = { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
  return { name, parent, hooks, isEntered: false, testsLeft: 0 };
}

function describeGroup(name: string, body: Body): void {
  const outer = current;
  current = makeGroup(name, outer);
  try {
    body();
  } finally {
    current = outer;
  }
}

type Timeout = number | { readonly timeout?: number };

function register(name: string, body: Body, timeout: Timeout | undefined, ignore: boolean): void {
  const path = pathTo(current);
  if (!ignore) for (const group of path) group.testsLeft += 1;
  Deno.test({
    name: [...path.map((group) => group.name), name].filter(Boolean).join(" > "),
    ignore,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => run(path, body, typeof timeout === "number" ? timeout : timeout?.timeout),
  });
}

/** From the file down to `group`. */
function pathTo(group: Group): readonly Group[] {
  return group.parent === undefined ? [group] : [...pathTo(group.parent), group];
}

async function run(path: readonly Group[], body: Body, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
  const fromInside = [...path].reverse();
  try {
    for (const group of path) await enter(group);
    for (const group of path) await runHooks(group, "beforeEach");
    await withTimeout(body, timeoutMs);
  } finally {
    for (const group of fromInside) await runHooks(group, "afterEach");
    for (const group of fromInside) {
      group.testsLeft -= 1;
      if (group.testsLeft === 0) await runHooks(group, "afterAll");
    }
  }
}

async function enter(group: Group): Promise<void> {
  if (group.isEntered) return;
  group.isEntered = true;
  await runHooks(group, "beforeAll");
}

async function runHooks(group: Group, hook: Hook): Promise<void> {
  for (const body of group.hooks[hook]) await body();
}

async function withTimeout(body: Body, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

type EachBody = (...row: unknown[]) => unknown;

/** `%s` and its kind take the row's values in turn, `%#` its number, `$key` a member of an object. */
function rowTitle(title: string, row: readonly unknown[], index: number): string {
  const numbered = title.replaceAll("%#", String(index)).replaceAll("%p", "%j");
  const [first] = row;
  const named =
    typeof first === "object" && first !== null
      ? numbered.replace(/\$(\w+)/g, (_, key: string) => String((first as Record<string, unknown>)[key]))
      : numbered;
  const places = named.match(/%[sdifjoO]/g)?.length ?? 0;
  return format(named, ...row.slice(0, places));
}

function each(add: (name: string, body: Body, timeout?: Timeout) => void) {
  return (rows: readonly unknown[]) => (title: string, body: EachBody, timeout?: Timeout) => {
    for (const [index, row] of rows.entries()) {
      const values = Array.isArray(row) ? row : [row];
      add(rowTitle(title, values, index), () => body(...values), timeout);
    }
  };
}

const runTest = (name: string, body: Body, timeout?: Timeout) => register(name, body, timeout, false);
const skipTest = (name: string, body: Body = () => {}, timeout?: Timeout) =>
  register(name, body, timeout, true);

export const test = Object.assign(runTest, {
  each: each(runTest),
  skip: skipTest,
  todo: skipTest,
  if: (isWanted: unknown) => (isWanted ? runTest : skipTest),
  skipIf: (isUnwanted: unknown) => (isUnwanted ? skipTest : runTest),
});

export const describe = Object.assign(describeGroup, { each: each(describeGroup) });

export const beforeAll = (body: Body) => void current.hooks.beforeAll.push(body);
export const beforeEach = (body: Body) => void current.hooks.beforeEach.push(body);
export const afterEach = (body: Body) => void current.hooks.afterEach.push(body);
export const afterAll = (body: Body) => void current.hooks.afterAll.push(body);
