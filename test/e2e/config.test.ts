// Configuration files as people and repositories bring them, through the program itself.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY, runTunnel } from "../helpers/tunnel.ts";

function makeHome(files: Readonly<Record<string, string>>) {
  const dir = tempDir();
  for (const [name, text] of Object.entries({ "repo/.keep": "", ...files })) {
    mkdirSync(dirname(join(dir.path, name)), { recursive: true });
    writeFileSync(join(dir.path, name), text, { mode: 0o644 });
  }
  const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = spawnSync(BINARY, args, {
      encoding: "utf8",
      cwd: join(dir.path, "repo"),
      env: { PATH: process.env["PATH"], HOME: dir.path, ...env },
    });
    return { status, stdout: stdout.replaceAll(dir.path, "~"), stderr: stderr.replaceAll(dir.path, "~") };
  };
  return { path: dir.path, run, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

const OWN = ".config/tunnel/config.yaml";

test("a context of the user's file leads to the service it names, and a flag to another", async () => {
  await using server = await serveLocal();
  const text = `context: here\ncontexts:\n  here: {local: ${server.stateDir}}\n  away: {region: eu-west-1}\n`;
  using home = makeHome({ [OWN]: text });
  expect(home.run(["list", "--json"])).toMatchObject({ status: 0, stdout: '{"tunnelSummaries":[]}\n' });
  const away = home.run(["list", "--context", "away"], { AWS_EC2_METADATA_DISABLED: "true" });
  expect([away.status, away.stderr.includes("no AWS credentials found")]).toEqual([77, true]);
  expect(home.run(["list"], { TUNNEL_CONTEXT: "awya" })).toEqual({
    status: 78,
    stdout: "",
    stderr:
      `tunnel: error: context "awya" (from TUNNEL_CONTEXT): ~/${OWN} has no such context\n` +
      "tunnel: hint: did you mean away? known: here, away\n",
  });
});

test("a profile of the file brings its credentials along", async () => {
  using home = makeHome({ [OWN]: "profile: nope", ".aws/config": "[profile other]\nregion = eu-west-1\n" });
  const { status, stderr } = home.run(["list", "--region", "eu-west-1"], {
    AWS_EC2_METADATA_DISABLED: "true",
  });
  expect([status, stderr.includes('profile "nope"')]).toEqual([77, true]);
});

describe("tunnel config", () => {
  const text = "region: eu-west-3\nkeepalive: 20s\ncontexts: {prod: {profile: prod}}\n";

  test("prints each value with its origin, and no secret", () => {
    using home = makeHome({ [OWN]: text });
    const env = { AWS_REGION: "eu-west-2", AWSIOT_TUNNEL_ACCESS_TOKEN: "SECRET" };
    const { status, stdout, stderr } = home.run(["config", "--context", "prod", "--linger", "5s"], env);
    expect([status, stderr]).toEqual([0, ""]);
    const rows = Object.fromEntries(
      stdout.split("\n").map((line) => [line.split(/ +/)[0], line.split(/ {2,}/).slice(1)]),
    );
    expect(rows).toMatchObject({
      OPTION: ["VALUE", "FROM"],
      region: ["eu-west-2", "AWS_REGION"],
      keepalive: ["20s", `~/${OWN}`],
      profile: ["prod", `contexts.prod of ~/${OWN}`],
      linger: ["5s", "--linger"],
      "stall-timeout": ["10s", "default"],
      listen: ["127.0.0.1:8443", "default"],
      ca: ["-", "default"],
      "access-token": ["(not shown)", "AWSIOT_TUNNEL_ACCESS_TOKEN"],
    });
    expect(stdout).not.toContain("SECRET");
    expect(home.run(["config", "--json"], env).stdout).not.toContain("SECRET");
  });

  test("as JSON", () => {
    using home = makeHome({ [OWN]: text });
    const { file, context, contexts, options } = JSON.parse(home.run(["config", "--json"]).stdout);
    expect([file, context, contexts]).toEqual([`~/${OWN}`, null, ["prod"]]);
    expect(options).toContainEqual({
      option: "region",
      value: "eu-west-3",
      origin: "file",
      from: `~/${OWN}`,
    });
    expect(options).toContainEqual({ option: "json", value: true, origin: "flag", from: "--json" });
    expect(options).toContainEqual({ option: "tag", value: null, origin: "default", from: null });
  });

  test("--path says what was looked for", () => {
    using home = makeHome({ "repo/.tunnelrc": "json: false" });
    const { stdout } = home.run(["config", "--path"]);
    expect(stdout).toMatch(/^~\/\.config\/tunnel\/config\.json +absent$/m);
    expect(stdout).toMatch(/^~\/repo\/\.tunnelrc +used$/m);
  });
});

describe("a repository that somebody cloned", () => {
  test.each([
    ["repo/.tunnelrc", "endpoint-url: https://evil.example", "endpoint-url"],
    ["repo/package.json", '{"tunnel": {"ca": "evil.pem"}}', "ca"],
    ["repo/.config/tunnelrc.yaml", "contexts: {local: {region: eu-west-1}}", "contexts"],
  ])("cannot lead elsewhere with %s", (name, text, key) => {
    using home = makeHome({ [name]: text });
    const { status, stdout, stderr } = home.run(["list", "--json"]);
    expect([status, stdout]).toEqual([78, ""]);
    const { message } = JSON.parse(stderr).error;
    expect(message).toContain(`"~/${name}": "${key}" cannot be set`);
  });

  test("may choose JSON, and flags still win", () => {
    using home = makeHome({ "repo/.tunnelrc": "json: true" });
    expect(JSON.parse(home.run(["config"]).stdout).file).toBe("~/repo/.tunnelrc");
    expect(home.run(["config", "--json=false"]).stdout).toStartWith("OPTION");
    expect(JSON.parse(home.run(["list"]).stderr).error.code).toBe("ERR_CONFIG");
  });

  test.each([".tunnelrc", "package.json", ".config/tunnelrc.json"])(
    "neither fills memory nor tells a secret with %s as a link",
    (name) => {
      for (const target of ["/dev/zero", "/dev/tty", "../secret"]) {
        using home = makeHome({ secret: "SECRET: [", "repo/.config/x": "" });
        symlinkSync(target, join(home.path, "repo", name));
        const { status, stdout, stderr } = home.run(["config", "--path"]);
        expect([status, stderr]).toEqual([0, ""]);
        expect(stdout).toMatch(new RegExp(`~/repo/${name} +ignored: a link`));
      }
    },
  );

  test("runs no program of its own, whatever the search library would", () => {
    const evil = "require('fs').writeFileSync('ran', ''); module.exports = {};";
    const names = [
      ".config/config.js",
      ".config/config.cjs",
      ".tunnelrc.js",
      ".tunnelrc.cjs",
      "tunnel.config.js",
    ];
    using home = makeHome({
      ...Object.fromEntries(names.map((name) => [`repo/${name}`, evil])),
      "repo/.tunnelrc.yaml": "json: true",
      "repo/package.json": '{"cosmiconfig": {"searchPlaces": [".tunnelrc.js"]}}',
    });
    expect(home.run(["config"]).status).toBe(0);
    expect(home.run(["config", "--config", ".tunnelrc.js"]).status).toBe(78);
    expect(existsSync(join(home.path, "repo/ran"))).toBe(false);
  });
});

test("colours: on a terminal only, unless they are asked for", async () => {
  const dim = "\u001b[2m";
  expect((await runTunnel(["config"], { NO_COLOR: "" })).stdout).not.toContain(dim);
  expect((await runTunnel(["config", "--color", "always"])).stdout).toContain(dim);
  const onTerminal = (env: NodeJS.ProcessEnv, args = "") =>
    spawnSync("script", ["-qec", `${BINARY} config ${args}`, "/dev/null"], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", TERM: "xterm", ...env },
    }).stdout.includes(dim);
  expect(onTerminal({})).toBe(true);
  expect(onTerminal({}, "--color never")).toBe(false);
  expect(onTerminal({ NO_COLOR: "1" })).toBe(false);
  expect(onTerminal({ TERM: "dumb" })).toBe(false);
});
