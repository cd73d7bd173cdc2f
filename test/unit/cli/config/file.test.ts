import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getDefaultSearchPlaces } from "cosmiconfig";
import type { Env } from "../../../../src/base/env.ts";
import { ConfigError } from "../../../../src/base/errors.ts";
import { readFileLayer } from "../../../../src/cli/config/file.ts";
import { SEARCH_PLACES } from "../../../../src/cli/config/file-places.ts";
import { resolveSettings } from "../../../../src/cli/config/layers.ts";
import { OPTIONS, type OptionKey } from "../../../../src/cli/config/options.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const KEYS = Object.keys(OPTIONS) as OptionKey[];

/** A home directory with a repository in it; paths of `files` count from the home directory. */
function makeHome(files: Readonly<Record<string, string>>) {
  const dir = tempDir();
  const home = join(dir.path, "home");
  mkdirSync(join(home, "repo/sub"), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text, { mode: 0o644 });
  }
  const read = (options: { file?: string; context?: string; env?: Env } = {}) =>
    readFileLayer({
      file: options.file === undefined ? undefined : { value: join(home, options.file), name: "--config" },
      context: options.context === undefined ? undefined : { value: options.context, name: "--context" },
      env: { HOME: home, ...options.env },
      workingDirectory: () => join(home, "repo/sub"),
    });
  const settings = async (options: Parameters<typeof read>[0] & { flags?: [OptionKey, string[]][] } = {}) =>
    resolveSettings(KEYS, new Map(options.flags ?? []), options.env ?? {}, await read(options));
  const failure = async (options: Parameters<typeof read>[0] = {}) => {
    const error = await read(options).catch((reason: unknown) => reason);
    if (!(error instanceof ConfigError)) throw new Error(`no ConfigError: ${JSON.stringify(error)}`);
    return { message: error.message.replaceAll(home, "~"), hint: error.hint?.replaceAll(home, "~") };
  };
  return { home, read, settings, failure, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

const OWN = ".config/tunnel/config.yaml";

describe("which file counts", () => {
  test("the named one, else the user's own, else the nearest above the working directory", async () => {
    using all = makeHome({ "ci.yaml": "", [OWN]: "", "repo/.tunnelrc": "" });
    expect((await all.read({ file: "ci.yaml" })).path).toBe(join(all.home, "ci.yaml"));
    expect((await all.read()).path).toBe(join(all.home, OWN));
    expect((await all.read({ env: { XDG_CONFIG_HOME: "/none" } })).path).toBe(
      join(all.home, "repo/.tunnelrc"),
    );
  });

  test("nothing above the home directory, and no package.json without our property", async () => {
    using none = makeHome({ "../.tunnelrc": "json: true", "repo/package.json": '{"name": "tunnel"}' });
    const { path, looked } = await none.read();
    expect(path).toBeUndefined();
    expect(looked.length).toBe(3 + 3 * SEARCH_PLACES.length);
    expect(looked.filter(({ status }) => status !== "absent")).toEqual([
      { path: join(none.home, "repo/package.json"), status: "without a tunnel property" },
    ]);
  });

  test("the places are cosmiconfig's, without those that hold programs", () => {
    const data = getDefaultSearchPlaces("tunnel").filter((place) => !/\.[cm]?[jt]s$/.test(place));
    expect([...SEARCH_PLACES]).toEqual(data as (typeof SEARCH_PLACES)[number][]);
  });

  test.each([
    ["repo/.tunnelrc", "json: true"],
    ["repo/.tunnelrc.json", '{"json": true}'],
    ["repo/sub/.config/tunnelrc.yaml", "json: true # yes"],
    ["repo/package.json", '{"tunnel": {"json": true}}'],
    [".tunnelrc.yml", "json: true"],
  ])("%s is read", async (name, text) => {
    using home = makeHome({ [name]: text });
    expect((await home.settings()).get("json")).toBe(true);
  });

  test("a working directory that is gone is no failure", async () => {
    using home = makeHome({});
    const gone = () => {
      throw new Error("ENOENT");
    };
    const request = { file: undefined, context: undefined, env: { HOME: home.home }, workingDirectory: gone };
    expect((await readFileLayer(request)).path).toBeUndefined();
  });
});

describe("flags over environment over file over defaults", () => {
  test("each value knows where it came from", async () => {
    using home = makeHome({
      [OWN]: "region: eu-west-3\nkeepalive: 20s\nlog-level: warn\nca: ca.pem\nlifetime: 90",
    });
    const env = { AWS_REGION: "eu-west-2" };
    const settings = await home.settings({ env, flags: [["keepalive", ["5s"]]] });
    expect(settings.get("keepalive")).toBe(5_000);
    expect(settings.get("region")).toBe("eu-west-2");
    expect(settings.get("logLevel")).toBe("warn");
    expect(settings.origin("logLevel")).toEqual({ type: "file", name: join(home.home, OWN) });
    expect(settings.get("lifetime")).toBe(90);
    expect(settings.origin("linger")).toEqual({ type: "default" });
  });

  test("a relative path counts from the file, ~ is the home directory", async () => {
    using home = makeHome({ [OWN]: "ca: ../ca.pem\nlog-file: ~/log\nlocal: ./state" });
    const settings = await home.settings();
    expect(settings.get("ca")).toBe(join(home.home, ".config/ca.pem"));
    expect(settings.get("logFile")).toBe(join(home.home, "log"));
    expect(settings.get("local")).toEqual({ stateDir: join(home.home, ".config/tunnel/state") });
  });

  test("what the file switches on can be switched off, and lists may be one value", async () => {
    using home = makeHome({
      [OWN]: "json: true\nlocal: true\nmap: SSH=22\nallow-region: [eu-west-1, eu-west-2]",
    });
    const settings = await home.settings({ env: { TUNNEL_LOCAL: "0" }, flags: [["json", ["false"]]] });
    expect(settings.get("json")).toBe(false);
    expect(settings.get("local")).toBeUndefined();
    expect(settings.get("map")).toEqual(["SSH=22"]);
    expect(settings.get("allowRegion")).toEqual(["eu-west-1", "eu-west-2"]);
  });
});

describe("contexts", () => {
  const text =
    "region: eu-west-3\ncontext: local\ncontexts:\n  local: {local: true}\n  prod-eu: {region: eu-west-1, local: false}";

  test("the file's own choice, or that of --context, over the rest of the file", async () => {
    using home = makeHome({ [OWN]: text });
    const standard = await home.settings();
    expect([standard.get("local"), standard.get("region")]).toEqual([{ stateDir: undefined }, "eu-west-3"]);
    const chosen = await home.settings({ context: "prod-eu" });
    expect([chosen.get("local"), chosen.get("region")]).toEqual([undefined, "eu-west-1"]);
    expect(chosen.origin("region")).toEqual({
      type: "file",
      name: `contexts.prod-eu of ${join(home.home, OWN)}`,
    });
    expect(
      (await home.settings({ context: "prod-eu", env: { AWS_REGION: "eu-west-2" } })).get("region"),
    ).toBe("eu-west-2");
  });

  test("an unknown one lists the known ones", async () => {
    using home = makeHome({ [OWN]: text });
    expect(await home.failure({ context: "prod-us" })).toEqual({
      message: `context "prod-us" (from --context): ~/${OWN} has no such context`,
      hint: "did you mean prod-eu? known: local, prod-eu",
    });
    using none = makeHome({});
    expect((await none.failure({ context: "x" })).message).toBe(
      'context "x" (from --context): there is no configuration file',
    );
  });
});

describe("mistakes name file and key", () => {
  const rows: [string, string, string | undefined][] = [
    ["regoin: x", 'configuration "~/f.yaml": unknown key "regoin"', "did you mean region? allowed: context,"],
    ["contexts: {a: {xyzzy: 1}}", 'unknown key "contexts.a.xyzzy"', "allowed: region,"],
    ["__proto__: {}", 'unknown key "__proto__"', "allowed:"],
    ["access-token: SECRET", 'not one that a file may set: "access-token"', "allowed:"],
    ["thing: x", 'not one that a file may set: "thing"', "allowed:"],
    ["region: eu-wst", 'region "eu-wst" (from ~/f.yaml): not the name of a region', undefined],
    [
      "contexts: {a: {keepalive: 5}}",
      'contexts.a.keepalive "5" (from ~/f.yaml): must be a length of',
      undefined,
    ],
    ["log-level: loud", 'log-level "loud" (from ~/f.yaml): must be error, warn', undefined],
    ["json: 1", "json (from ~/f.yaml): must be true or false", undefined],
    ["local: no", "local (from ~/f.yaml): must be true, false or a directory with", undefined],
    ["region: [a]", "region (from ~/f.yaml): must be REGION", undefined],
    ["region:", "region (from ~/f.yaml): must be REGION", undefined],
    [
      "map: {SSH: 22}",
      "map (from ~/f.yaml): must be SERVICE=[HOST:]PORT|/UNIX/SOCKET or a list of them",
      undefined,
    ],
    ["context: 1", "context (from ~/f.yaml): must be the name of one of the contexts", undefined],
    ["contexts: [a]", "contexts (from ~/f.yaml): must hold names", undefined],
    ["contexts: {a b: {}}", "contexts.a b (from ~/f.yaml): a name has", undefined],
    ["contexts: {a: 1}", "contexts.a (from ~/f.yaml): must hold keys and values", undefined],
    ["context: nope", 'context "nope" (from ~/f.yaml)', undefined],
    ["[a]", 'configuration "~/f.yaml" must hold keys and values', "write lines such as"],
    ["a: [1\nb", 'configuration "~/f.yaml" is not YAML in line 2: ', undefined],
    ["a: 1\n---\nb: 1", 'configuration "~/f.yaml" is not YAML', undefined],
  ];

  test.each(rows)("%j", async (text, message, hint) => {
    using home = makeHome({ "f.yaml": text });
    const failure = await home.failure({ file: "f.yaml" });
    expect(failure.message).toContain(message);
    expect(JSON.stringify(failure)).not.toContain("SECRET");
    if (hint !== undefined) expect(failure.hint).toStartWith(hint);
  });

  test("a file that is not there, too large, not JSON, or a program", async () => {
    using home = makeHome({ "f.json": "{a", "f.js": "1", "big.yaml": `a: ${"x".repeat(300_000)}` });
    expect((await home.failure({ file: "none.yaml" })).message).toContain(
      '"~/none.yaml": no such file or directory',
    );
    expect((await home.failure({ file: "f.json" })).message).toContain('"~/f.json" is not JSON');
    expect((await home.failure({ file: "f.js" })).message).toContain("only .json, .yaml and .yml");
    expect((await home.failure({ file: "big.yaml" })).message).toContain("larger than 256 KiB");
  });

  test("an empty file and one of comments say nothing", async () => {
    using home = makeHome({ "a.yaml": " \n", "b.yaml": "# none yet\n" });
    expect((await home.read({ file: "a.yaml" })).values.size).toBe(0);
    expect((await home.read({ file: "b.yaml" })).values.size).toBe(0);
  });
});

describe("what is no regular file", () => {
  const kinds: readonly [string, (path: string) => void, string][] = [
    ["a device", (path) => symlinkSync("/dev/zero", path), "not a regular file"],
    ["a pipe", (path) => void execFileSync("mkfifo", [path]), "not a regular file"],
    ["a directory", (path) => mkdirSync(path), "not a regular file"],
    ["a sparse file of a terabyte", (path) => makeSparse(path), "larger than 256 KiB"],
  ];

  test.each(kinds)("%s is refused where the user named it", async (_, make, reason) => {
    using home = makeHome({ [OWN]: "" });
    make(join(home.home, "f.yaml"));
    expect((await home.failure({ file: "f.yaml" })).message).toContain(`"~/f.yaml": ${reason}`);
  });

  test.each(
    SEARCH_PLACES.flatMap((place) => kinds.slice(0, 3).map(([kind, make]) => [place, kind, make] as const)),
  )("%s as %s is passed by where it came with a directory", async (place, _, make) => {
    using home = makeHome({ "repo/.config/x": "" });
    make(join(home.home, "repo", place));
    const { path, looked } = await home.read();
    expect(path).toBeUndefined();
    expect(looked.find((each) => each.path.endsWith(`/repo/${place}`))?.status).toStartWith("ignored: ");
  });

  test.each(SEARCH_PLACES)("%s as a link to a secret is passed by, and not read", async (place) => {
    using home = makeHome({ "repo/.config/x": "", id_ed25519: "SECRET: of the user\njson: true" });
    symlinkSync(join(home.home, "id_ed25519"), join(home.home, "repo", place));
    const { values, looked } = await home.read();
    expect(values.size).toBe(0);
    expect(looked.filter(({ status }) => status === "ignored: a link")).toHaveLength(1);
  });

  test("a large package.json is passed by, a large .tunnelrc is refused", async () => {
    using home = makeHome({ "repo/.config/x": "" });
    makeSparse(join(home.home, "repo/package.json"));
    expect((await home.read()).path).toBeUndefined();
    makeSparse(join(home.home, "repo/.tunnelrc"));
    expect((await home.failure()).message).toEndWith('repo/.tunnelrc": larger than 256 KiB');
  });

  test("the user's own may be a link: dotfiles often are", async () => {
    using home = makeHome({ "dotfiles/tunnel.yaml": "json: true", ".config/tunnel/x": "" });
    symlinkSync(join(home.home, "dotfiles/tunnel.yaml"), join(home.home, OWN));
    expect((await home.read()).values.size).toBe(1);
  });

  test.each(["log-level: SECRET", "json: [SECRET", "a: &SECRET\n*SECRETS", "!<!SECRET> a"])(
    "%j of a stranger: nothing of the value is repeated",
    async (text) => {
      using home = makeHome({ "repo/.tunnelrc": text });
      expect(JSON.stringify(await home.failure())).not.toContain("SECRET");
    },
  );
});

/** Takes no room on the disk, but would fill any memory. */
function makeSparse(path: string): void {
  writeFileSync(path, "");
  truncateSync(path, 2 ** 40);
}

describe("a file that came with a directory", () => {
  const allowed = KEYS.filter((key) => OPTIONS[key as "json"].file === "any");

  test("may set presentation", async () => {
    expect(allowed).toEqual(["json", "logLevel", "logFormat", "color"]);
    using home = makeHome({
      "repo/.tunnelrc": "json: true\nlog-level: debug\nlog-format: json\ncolor: never",
    });
    const settings = await home.settings();
    expect([settings.get("json"), settings.get("color")]).toEqual([true, "never"]);
  });

  const others = KEYS.filter((key) => !allowed.includes(key)).map((key) => OPTIONS[key].flag);
  test.each([...others, "context", "contexts"])("may not set %s", async (key) => {
    using home = makeHome({ "repo/.tunnelrc.json": JSON.stringify({ [key]: {} }) });
    const { message, hint } = await home.failure();
    expect(message).toContain("~/repo/.tunnelrc.json");
    expect(message).toContain(`"${key}"`);
    expect(`${message} ${hint}`).toContain("json, log-level, log-format, color");
    expect(`${message} ${hint}`).not.toContain("region,");
  });
});

describe("a file that others could have written", () => {
  test.each([
    ["the file", OWN, 0o664],
    ["its directory", ".config/tunnel", 0o777],
  ])("%s: the user's own is refused", async (_, name, mode) => {
    using home = makeHome({ [OWN]: "" });
    chmodSync(join(home.home, name), mode);
    const { message, hint } = await home.failure();
    expect(message).toBe(`configuration "~/${name}" can be written by other users`);
    expect(hint).toBe(`chmod go-w ~/${name}`);
  });

  test("so is a named one", async () => {
    using home = makeHome({ "f.yaml": "" });
    chmodSync(join(home.home, "f.yaml"), 0o606);
    expect((await home.failure({ file: "f.yaml" })).message).toContain("can be written by other users");
  });

  test("of another user: refused if named or the user's own, ignored in a directory", async () => {
    // Only root can give files away.
    if (process.getuid?.() !== 0) return;
    using home = makeHome({ [OWN]: "", "repo/.tunnelrc": "regoin: x" });
    for (const name of [OWN, "repo/.tunnelrc"]) chownSync(join(home.home, name), 65_534, 65_534);
    expect((await home.failure()).message).toContain("belongs to another user");
    expect((await home.failure({ file: OWN })).message).toContain("belongs to another user");
    const { path, looked } = await home.read({ env: { XDG_CONFIG_HOME: "/none" } });
    expect(path).toBeUndefined();
    expect(looked.map(({ status }) => status)).toContain("ignored: belongs to another user");
  });
});
