import { UsageError } from "../../../src/base/errors.ts";
import { isApiName } from "../../../src/base/names.ts";
import { Checks } from "../../../src/cli/localproxy/checks.ts";
import { ReferenceFatal } from "../../../src/cli/localproxy/fatal.ts";
import { ReferenceLines } from "../../../src/cli/localproxy/lines.ts";
import { parseMappings, readPortMap } from "../../../src/cli/localproxy/port-map.ts";
import { REFERENCE_OPTIONS } from "../../../src/cli/localproxy/reference-options.ts";
import { readOptionsFile } from "../../../src/cli/localproxy/setting-sources.ts";
import { settingsOf } from "../../../src/cli/localproxy/settings.ts";
import { parseReferenceWords, ReferenceUsageError } from "../../../src/cli/localproxy/words.ts";
import type { AddressMap } from "../../../src/proxy/options.ts";
import { parseServiceMap } from "../../../src/proxy/service-map.ts";
import { JSON_WORDS } from "../json.ts";
import { attempt, must, type Target, text, textOf } from "../target.ts";

const MODES = ["source", "destination"] as const;

/** The value of -p and -d. */
export const serviceMap: Target = {
  name: "service-map",
  examples: text("SSH=2222,VNC=[::1]:5900,a:b=/run/x", "22", "localhost:22", "/run/a=b", "SSH=0,VNC=0"),
  words: text(
    "SSH",
    "VNC",
    "=",
    ",",
    ":",
    "/",
    "[::1]",
    "127.0.0.1",
    "65535",
    "65536",
    "22",
    "0",
    "localhost",
    "é",
    "\u0000",
    "%",
    " ",
  ),
  maxLength: 400,
  suiteRuns: 400_000,
  run(input) {
    const written = textOf(input);
    for (const mode of MODES) {
      const map = attempt(() => parseServiceMap(written, mode), UsageError);
      if (map instanceof UsageError) {
        must(
          map.message.length < 1_600 && map.hint !== undefined,
          "an error that repeats its value at length",
        );
        continue;
      }
      checkMap(map, mode);
      const again = parseServiceMap(writeMap(map), mode);
      must(
        JSON.stringify([...again]) === JSON.stringify([...map]),
        "a map is another one when it is read again",
      );
    }
  },
};

function checkMap(map: AddressMap, mode: "source" | "destination"): void {
  must(map.size > 0 && (map.size === 1 || !map.has("")), "an unnamed service among others");
  for (const [service, address] of map) {
    must(service === "" || isApiName(service), "a service id that is none");
    if (address.type === "unix") must(address.path.startsWith("/"), "a path that is not absolute");
    else must(address.port >= (mode === "source" ? 0 : 1) && address.port <= 65_535, "a port that is none");
  }
}

function writeMap(map: AddressMap): string {
  const entries = [...map].map(([service, address]) => {
    const name = service === "" ? "" : `${service}=`;
    if (address.type === "unix") return `${name}${address.path}`;
    const { host = "", port } = address;
    const shown = host.includes(":") ? `[${host}]` : host;
    return `${name}${shown === "" ? "" : `${shown}:`}${port}`;
  });
  return entries.join(",");
}

const SETTINGS = {
  tunneling: {
    proxy: {
      default_bind_address: "::1",
      websocket: { ping_period_ms: "5000", connect_retry_count: "3", retry_delay_ms: 100 },
      region_endpoint_overrides: { "eu-west-1": "data.test" },
    },
  },
};
const NAMES = REFERENCE_OPTIONS.map(({ name }) => name);

/** Files and words of the reference proxy's command line: options, services, settings. */
export const localproxy: Target = {
  name: "localproxy",
  examples: text(
    "access-token = t # mine\nsource-listen-port=SSH=5555,VNC=[::1]:5900\nno-ssl-host-verify=yes\n",
    "[SSH]\n; comment\nSSH=localhost:22\r\nVNC = 5900\n",
    JSON.stringify(SETTINGS),
    "--region\neu-west-1\n-sSSH=1\n--dest=2\n-kv5\n-t\nx",
    "SSH=5555,VNC=6666",
  ),
  words: [
    ...JSON_WORDS,
    ...text(...NAMES.map((name) => `\n${name}=`), ...NAMES.map((name) => `\n--${name}`)),
    ...text(
      "\n[x]\n",
      "#",
      ";",
      "=",
      "==",
      ",",
      "SSH",
      "/run/x",
      "65536",
      "-",
      "--",
      "\r\n",
      "%s",
      '"tunneling":{"proxy":{',
    ),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 40_000,
  run(input) {
    const content = textOf(input);
    const options = attempt(() => readOptionsFile(content), ReferenceUsageError);
    if (!(options instanceof ReferenceUsageError)) {
      for (const name of options.keys()) must(NAMES.includes(name), "an option that there is not");
    }
    const mappings = parseMappings(content) ?? [];
    must(
      mappings.every(([service]) => service !== ""),
      "a mapping without service",
    );
    const flags = attempt(() => parseReferenceWords(content.split("\n")), ReferenceUsageError);
    if (!(flags instanceof ReferenceUsageError)) {
      for (const name of flags.keys()) must(NAMES.includes(name), "an option that there is not");
    }
    const lines = new ReferenceLines(() => {}, 1);
    for (const mode of MODES) {
      attempt(() => readPortMap(content, mode, new Checks(lines), lines), ReferenceFatal);
    }
    const settings = attempt(() => settingsOf(content, "settings.json"), ReferenceFatal);
    if (settings instanceof ReferenceFatal) return;
    const { pingPeriodMs, giveUpAfterMs, unused } = settings;
    must(pingPeriodMs >= 1_000 && giveUpAfterMs >= 1, "a time that is none");
    must(unused.join("").length <= 40 * (1 + content.length), "more settings than were written");
    must(typeof settings.endpointOf("eu-west-1") === "string", "an endpoint that is no text");
  },
};
