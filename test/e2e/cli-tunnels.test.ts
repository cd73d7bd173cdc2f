// Opening, looking at, changing and closing tunnels, as people and scripts do it.
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

/** A serve-local and a state directory of a user, with a way to run commands that must succeed. */
async function makeUser() {
  const dir = tempDir();
  const server = await serveLocal();
  const env = { XDG_STATE_HOME: dir.path };
  const tokens = join(dir.path, "tunnel/tokens");
  const run = (...args: string[]) => runTunnel([...args, ...server.local], env);
  const answer = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, "--json");
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code} ${stderr}`);
    return JSON.parse(stdout);
  };
  return {
    dir: dir.path,
    server,
    env,
    run,
    answer,
    savedTokens: () => readdirSync(tokens).sort(),
    readToken: (name: string) => JSON.parse(readFileSync(join(tokens, name), "utf8")),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

const ID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const ARN = expect.stringMatching(/^arn:aws:iot:us-east-1:000000000000:tunnel\/[0-9a-f-]{36}$/);
const TOKEN = expect.stringMatching(/^[\w=-]{100,}$/);

describe("open", () => {
  test("text names the tunnel and the next command, and no token", async () => {
    await using user = await makeUser();
    const { code, stdout, stderr } = await user.run(
      "open",
      "--thing",
      "pump-7",
      "--service",
      "SSH",
      "--lifetime",
      "90m",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tunnel {4}[0-9a-f-]{36}\narn {7}arn:aws:iot:us-east-1:/);
    expect(stdout).toContain("1 h 30 min left");
    expect(stdout).toContain("tunnel proxy source -p SSH=2222 --tunnel ");
    expect(stderr).toContain("local");
    const [, source = ""] = user.savedTokens();
    expect(stdout + stderr).not.toContain(user.readToken(source).accessToken);
  });

  test("JSON has exactly the members of the contract; both tokens are kept, each with a client token", async () => {
    await using user = await makeUser();
    const answer = await user.answer("open", "--service", "SSH");
    expect(answer).toEqual({
      tunnelId: ID,
      tunnelArn: ARN,
      sourceAccessToken: TOKEN,
      destinationAccessToken: TOKEN,
    });
    const id = answer.tunnelId;
    expect(user.savedTokens()).toEqual([`${id}.destination.json`, `${id}.source.json`]);
    const source = user.readToken(`${id}.source.json`);
    const destination = user.readToken(`${id}.destination.json`);
    expect(source.accessToken).toBe(answer.sourceAccessToken);
    expect(destination.accessToken).toBe(answer.destinationAccessToken);
    expect(source.clientToken).not.toBe(destination.clientToken);
    expect(statSync(join(user.dir, "tunnel/tokens")).mode & 0o777).toBe(0o700);
    expect(statSync(join(user.dir, "tunnel/tokens", `${id}.source.json`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(user.server.stateDir)).not.toContain("tokens");
  });

  test("everything that was given arrives", async () => {
    await using user = await makeUser();
    const { tunnelId } = await user.answer(
      ...["open", "--thing", "pump-7", "--service", "SSH", "--service", "VNC", "--lifetime", "30"],
      ...["--description", "héllo wörld", "--tag", "team=field", "--tag", "empty="],
    );
    expect((await user.answer("describe", tunnelId)).tunnel).toMatchObject({
      tunnelId,
      status: "OPEN",
      description: "héllo wörld",
      destinationConfig: { thingName: "pump-7", services: ["SSH", "VNC"] },
      timeoutConfig: { maxLifetimeTimeoutMinutes: 30 },
      sourceConnectionState: { status: "DISCONNECTED" },
    });
    expect((await user.answer("tag", tunnelId)).tags).toEqual(
      expect.arrayContaining([
        { key: "team", value: "field" },
        { key: "empty", value: "" },
      ]),
    );
  });

  test("the destination's token goes to a file of the owner's when asked for", async () => {
    await using user = await makeUser();
    const path = join(user.dir, "device.token");
    const answer = await user.answer("open", "--service", "SSH", "--destination-token-file", path);
    expect(readFileSync(path, "utf8")).toBe(`${answer.destinationAccessToken}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a region that is not the emulator's is a usage error that names both", async () => {
    await using user = await makeUser();
    const { code, stderr } = await user.run("open", "--region", "eu-west-1");
    expect([code, stderr]).toEqual([64, expect.stringMatching(/--region eu-west-1 is not .*: us-east-1$/m)]);
    expect((await user.run("open", "--region", "us-east-1")).code).toBe(0);
    expect((await user.answer("list")).tunnelSummaries).toHaveLength(1);
  });

  test("the device's line dials the usual port of each service", async () => {
    await using user = await makeUser();
    const services = ["SSH", "VNC", "other"].flatMap((service) => ["--service", service]);
    const { stdout } = await user.run("open", ...services);
    expect(stdout).toContain("-d SSH=localhost:22,VNC=localhost:5900,other=localhost:PORT --tunnel");
  });

  test("only a regular file is replaced by the token, and nothing is called otherwise", async () => {
    await using user = await makeUser();
    const { tunnelId } = await user.answer("open", "--service", "SSH");
    const place = (name: string) => join(user.dir, name);
    execFileSync("mkfifo", [place("pipe")]);
    mkdirSync(place("directory"));
    symlinkSync("/dev/null", place("device"));
    symlinkSync(place("nothing"), place("dangling"));
    for (const name of ["pipe", "directory", "device", "dangling"]) {
      const before = lstatSync(place(name));
      for (const call of [["open"], ["rotate", tunnelId, "--mode", "destination"]]) {
        const { code, stderr } = await user.run(...call, "--destination-token-file", place(name));
        expect([code, stderr]).toEqual([78, expect.stringContaining("is no regular file")]);
      }
      expect(lstatSync(place(name)).ino).toBe(before.ino);
    }
    const { code, stderr } = await user.run("open", "--destination-token-file", "-");
    expect([code, stderr]).toEqual([64, expect.stringContaining("tunnel: hint: --json prints")]);
    expect((await user.answer("list")).tunnelSummaries).toHaveLength(1);
    writeFileSync(place("file"), "before");
    await user.answer("open", "--service", "SSH", "--destination-token-file", place("file"));
    expect(readFileSync(place("file"), "utf8")).toMatch(/^[\w=-]{100,}\n$/);
  });

  test("nothing is opened when the tokens could not be kept", async () => {
    await using user = await makeUser();
    writeFileSync(join(user.dir, "file"), "");
    const inFile = join(user.dir, "file", "x");
    const lost = await runTunnel(["open", ...user.server.local], { XDG_STATE_HOME: inFile });
    expect([lost.code, lost.stderr.includes(inFile)]).toEqual([78, true]);
    const { code } = await user.run(
      "open",
      "--service",
      "SSH",
      "--destination-token-file",
      join(user.dir, "no/where"),
    );
    expect(code).toBe(78);
    expect((await user.answer("list")).tunnelSummaries).toEqual([]);
  });

  test("mistakes are usage errors before anything is called", async () => {
    for (const [args, message] of [
      [["--thing", "pump-7"], "--service is missing"],
      [["--service", "SSH", "--service", "SSH"], '--service "SSH" is given twice'],
      [["--lifetime", "13h"], 'lifetime "13h" (from --lifetime)'],
      [["--tag", "novalue"], 'tag "novalue" (from --tag): must be KEY=VALUE'],
    ] as const) {
      const { code, stderr } = await runTunnel(["open", ...args, "--local", "/nowhere/"]);
      expect([code, stderr.includes(message)]).toEqual([64, true]);
    }
  });
});

describe("list", () => {
  test("newest first, by thing, up to --max; text is aligned", async () => {
    await using user = await makeUser();
    const opened: string[] = [];
    for (const thing of ["a", "b", "a"]) {
      opened.unshift(
        (await user.answer("open", "--thing", thing, "--service", "SSH", "--description", `for ${thing}`))
          .tunnelId,
      );
    }
    const ids = async (...args: string[]) =>
      (await user.answer("list", ...args)).tunnelSummaries.map(
        ({ tunnelId }: { tunnelId: string }) => tunnelId,
      );
    expect(await ids()).toEqual(opened);
    expect(await ids("--max", "2")).toEqual(opened.slice(0, 2));
    expect(await ids("--thing", "a")).toEqual([opened[0], opened[2]]);
    const { stdout } = await user.run("list");
    const [heading = "", ...rows] = stdout.trimEnd().split("\n");
    expect(rows.map((row) => row.slice(0, 36))).toEqual(opened);
    expect(rows.every((row) => row.indexOf("open") === heading.indexOf("STATUS"))).toBe(true);
    expect(rows[1]).toEndWith("for b");
  });

  test("--wide adds thing, services and both ends, and in JSON all that the service tells of each", async () => {
    await using user = await makeUser();
    const file = join(user.dir, "device.token");
    const { tunnelId } = await user.answer("open", "--thing", "a", "--service", "SSH", "--service", "WEB");
    await user.run("open", "--service", "SSH", "--destination-token-file", file);
    const words = ["proxy", "destination", "-d", "SSH=1", "--access-token-file", file, ...user.server.local];
    await using proxy = startTunnel(words, user.env);
    await proxy.waitForLine(/connected to the tunnel/, "stderr");
    const { stdout } = await user.run("list", "--wide");
    const [heading, ...rows] = stdout.trimEnd().split("\n");
    expect(heading?.split(/ +/)).toEqual([
      "TUNNEL",
      "STATUS",
      "THING",
      "SERVICES",
      "SOURCE",
      "DESTINATION",
      "OPENED",
      "DESCRIPTION",
    ]);
    expect(rows[0]).toMatch(/ open +SSH +disconnected +connected +\S/);
    expect(rows[1]).toMatch(/ open +a +SSH,WEB +disconnected +disconnected +\S/);
    const { tunnelSummaries } = await user.answer("list", "--wide", "--thing", "a");
    const { tunnel } = await user.answer("describe", tunnelId);
    expect(tunnelSummaries).toEqual([tunnel]);
  });

  test("an empty list is an empty answer", async () => {
    await using user = await makeUser();
    expect(await user.run("list")).toMatchObject({ code: 0, stdout: "" });
    expect(await user.answer("list")).toEqual({ tunnelSummaries: [] });
  });
});

describe("rotate", () => {
  test.each([
    ["source", ["sourceAccessToken"]],
    ["destination", ["destinationAccessToken"]],
    ["all", ["destinationAccessToken", "sourceAccessToken"]],
  ])("%s: new tokens take the old ones' place", async (mode, members) => {
    await using user = await makeUser();
    const opened = await user.answer("open", "--thing", "pump-7", "--service", "SSH", "--lifetime", "1h");
    const before = user.readToken(`${opened.tunnelId}.source.json`);
    const rotated = await user.answer("rotate", opened.tunnelId, "--mode", mode);
    expect(Object.keys(rotated).sort()).toEqual([...members, "tunnelArn"].sort());
    for (const member of members) {
      expect(rotated[member]).not.toBe(opened[member]);
      const saved = user.readToken(`${opened.tunnelId}.${member.replace("AccessToken", "")}.json`);
      expect(saved.accessToken).toBe(rotated[member]);
      expect(Date.parse(saved.expiresAt)).toBeCloseTo(Date.parse(before.expiresAt), -4);
    }
    expect((await user.answer("describe", opened.tunnelId)).tunnel.destinationConfig).toEqual({
      thingName: "pump-7",
      services: ["SSH"],
    });
  });

  test("mode is needed, and what is about the destination is refused for the source", async () => {
    await using user = await makeUser();
    expect((await user.run("rotate", "some-id")).stderr).toContain(
      "--mode is missing: source, destination or all",
    );
    const { code, stderr } = await user.run("rotate", "some-id", "--mode", "source", "--thing", "x");
    expect([code, stderr.includes("about the destination")]).toEqual([64, true]);
  });
});

describe("tag", () => {
  test("sets, replaces, removes and shows, by id and by ARN", async () => {
    await using user = await makeUser();
    const { tunnelId, tunnelArn } = await user.answer("open", "--tag", "a=1", "--tag", "b=2");
    expect((await user.answer("tag", tunnelId, "a=3", "c=4", "--remove", "b")).tags).toHaveLength(2);
    const { tags } = await user.answer("tag", tunnelArn);
    expect(tags).toEqual(
      expect.arrayContaining([
        { key: "a", value: "3" },
        { key: "c", value: "4" },
      ]),
    );
    expect((await user.run("tag", tunnelId)).stdout).toMatch(/^KEY {2}VALUE\n/);
  });

  test("more than 50 are refused with what helps", async () => {
    await using user = await makeUser();
    const words = Array.from({ length: 51 }, (_, index) => `k${index}=v`);
    const opened = await user.run("open", "--service", "SSH", ...words.flatMap((tag) => ["--tag", tag]));
    expect([opened.code, opened.stderr.includes("51 tags: a tunnel has 50 at most")]).toEqual([64, true]);
    const { tunnelId } = await user.answer("open", "--service", "SSH");
    expect((await user.run("tag", tunnelId, ...words)).code).toBe(64);
    await user.answer("tag", tunnelId, ...words.slice(0, 50));
    const { code, stderr } = await user.run("tag", tunnelId, "one=more");
    expect([code, stderr.includes("tunnel tag ID --remove KEY")]).toEqual([75, true]);
  });

  test("a tag without value, and one given twice, are refused", async () => {
    await using user = await makeUser();
    expect((await user.run("tag", "id", "novalue")).stderr).toContain('tag "novalue": must be KEY=VALUE');
    expect((await user.run("tag", "id", "a=1", "--remove", "a")).code).toBe(64);
  });
});

describe("close", () => {
  test("closes and forgets the tokens; --delete takes it from the list", async () => {
    await using user = await makeUser();
    const { tunnelId } = await user.answer("open");
    expect((await user.run("close", tunnelId)).stdout).toBe(`closed ${tunnelId}`);
    expect(user.savedTokens()).toEqual([]);
    expect((await user.answer("describe", tunnelId)).tunnel.status).toBe("CLOSED");
    expect(await user.answer("close", tunnelId, "--delete")).toEqual({ tunnelId, deleted: true });
    expect((await user.answer("list")).tunnelSummaries).toEqual([]);
  });

  test("one that another service does not know keeps its tokens, one that its own does not know loses them", async () => {
    await using user = await makeUser();
    await using other = await serveLocal();
    const { tunnelId } = await user.answer("open");
    const kept = user.savedTokens();
    const elsewhere = await runTunnel(["close", tunnelId, ...other.local], user.env);
    expect([elsewhere.code, user.savedTokens()]).toEqual([66, kept]);
    const path = join(user.dir, "tunnel/tokens", `${tunnelId}.source.json`);
    const text = readFileSync(path, "utf8");
    await user.answer("close", tunnelId, "--delete");
    writeFileSync(path, text, { mode: 0o600 });
    expect((await user.run("close", tunnelId)).code).toBe(66);
    expect(user.savedTokens()).toEqual([]);
  });

  test("an unknown tunnel is not found: 66, and JSON says so on one line of stderr", async () => {
    await using user = await makeUser();
    for (const command of [
      ["describe", "nope"],
      ["close", "nope"],
      ["rotate", "nope", "--mode", "all"],
      ["tag", "nope"],
    ]) {
      const { code, stdout, stderr } = await user.run(...command, "--json");
      expect([code, stdout]).toEqual([66, ""]);
      expect(JSON.parse(stderr).error).toMatchObject({
        code: "ERR_NOT_FOUND",
        message: expect.stringContaining('"nope"'),
      });
    }
  });
});

test("real credentials and foreign endpoints in the environment do not count under --local", async () => {
  await using user = await makeUser();
  const home = join(user.dir, "home");
  const { code, stderr } = await runTunnel(["list", ...user.server.local], {
    ...user.env,
    AWS_CONFIG_FILE: join(home, "config"),
    AWS_PROFILE: "no-such-profile",
    AWS_ACCESS_KEY_ID: "AKIAREAL",
    AWS_SECRET_ACCESS_KEY: "real",
    AWS_REGION: "eu-central-1",
    AWS_ENDPOINT_URL: "https://127.0.0.1:1",
    AWS_USE_FIPS_ENDPOINT: "true",
    AWS_CA_BUNDLE: "/nowhere",
    HTTPS_PROXY: "http://127.0.0.1:1",
    https_proxy: "http://127.0.0.1:1",
  });
  expect([code, stderr]).toEqual([
    0,
    `tunnel: local: ${user.server.endpoint.controlPlane} (${user.server.stateDir})\ntunnel: no tunnels`,
  ]);
});
