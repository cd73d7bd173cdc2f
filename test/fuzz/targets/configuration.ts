import { ConfigError } from "../../../src/base/errors.ts";
import { checkContent } from "../../../src/cli/config/file.ts";
import { parseMapping } from "../../../src/cli/config/file-text.ts";
import { parseEndpoint } from "../../../src/cli/config/local.ts";
import type { Option } from "../../../src/cli/config/option.ts";
import { OPTIONS } from "../../../src/cli/config/options.ts";
import { BadValueError } from "../../../src/cli/config/values.ts";
import { Cursor } from "../cursor.ts";
import { JSON_WORDS } from "../json.ts";
import { attempt, must, type Target, text, textOf } from "../target.ts";

const ENV = { HOME: "/home/me", XDG_CONFIG_HOME: "/home/me/.config" };
const TABLE = Object.values(OPTIONS) as readonly Option<unknown>[];
const KEYS = TABLE.filter(({ file }) => file !== undefined).map(({ flag }) => flag);

/** A configuration file; the first byte chooses its format and whose it is. */
export const configFile: Target = {
  name: "config-file",
  examples: text(
    '\u0000{"region":"eu-west-1","tag":["a=b"],"contexts":{"lab":{"local":true,"stall-timeout":"5s"}},"context":"lab"}',
    "\u0001region: eu-west-1\nlifetime: 90m\ncontexts:\n  lab:\n    local: ~/state/x\n    ca: [a.pem, 'b.pem']\n",
    "\u0003json: true\n# nothing else\n",
    "\u0001a: &x [1, 2]\nb: *x\nc: !!binary aGk=\nd: 2020-01-01\ne: |\n  text\n<<: {f: 1}\n",
    '\u0002{"no-color":false}',
  ),
  words: [
    ...JSON_WORDS,
    ...text(...KEYS.map((key) => `\n${key}: `), ...KEYS.map((key) => `"${key}":`)),
    ...text(
      "contexts:\n  lab:\n    ",
      "context: lab\n",
      "\n- ",
      "&a ",
      "*a",
      "<<: ",
      "!!js/function ",
      "!!set ",
      "!!omap ",
    ),
    ...text(
      "? ",
      "|\n",
      ">-\n",
      "---\n",
      "...\n",
      "%YAML 1.2\n",
      "'",
      "~",
      "0x1f",
      "0o7",
      ".inf",
      "2020-01-01T00:00:00Z",
    ),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 30_000,
  async run(input) {
    const cursor = new Cursor(input);
    const choice = cursor.byte();
    const found = { path: choice % 2 === 0 ? "/etc/t/config.json" : "/etc/t/config.yaml", own: choice < 128 };
    try {
      const content = await parseMapping(found.path, textOf(cursor.rest()), found.own);
      const layer = checkContent(content, found, { env: ENV, context: undefined });
      for (const [key, { texts }] of layer.values) checkTexts(OPTIONS[key], texts);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      checkMessage(error);
    }
  },
};

/** What a file says can be read where it counts, too. */
function checkTexts(option: Option<unknown>, texts: readonly string[] | undefined): void {
  must(texts === undefined || texts.length > 0 || option.arity === "many", "a value without a text");
  if (texts !== undefined) option.read(texts);
}

function checkMessage({ message, hint = "" }: ConfigError): void {
  must(message.length < 2_000 && hint.length < 4_000, "an error that repeats its file at length");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  must(!/[\u0000-\u001f\u007f]/.test(message + hint), "an error that repeats control characters");
}

/** A value as it is written in the environment or in a file; the first byte chooses the option. */
export const values: Target = {
  name: "values",
  examples: [
    ...TABLE.map((_, at) => Buffer.from([at, ...Buffer.from("localhost:22")])),
    ...TABLE.map((_, at) => Buffer.from([at, ...Buffer.from("mqtts://user:p%20w@[::1]:8883")])),
  ],
  words: text(
    ...[
      "eu-west-1",
      "90m",
      "1.5h",
      "500ms",
      "key=value",
      "https://",
      "mqtts://",
      "mqtt://",
      "wss://",
      "ws://",
    ],
    ...[
      "[::1]",
      "127.0.0.1",
      "localhost",
      ":8443",
      "@",
      "%",
      "%zz",
      "%E0",
      "user:pass@",
      "/",
      "?",
      "#",
      ".thing",
    ],
    ...["720", "65535", "65536", "true", "false", "off", "1e9", "0x10", " ", "\u0000", "é", "xn--"],
  ),
  maxLength: 50_000,
  suiteRuns: 800_000,
  run(input) {
    const cursor = new Cursor(input);
    const option = cursor.pick(TABLE);
    const written = textOf(cursor.rest());
    const value = attempt(() => option.read([written]), BadValueError);
    if (!(value instanceof BadValueError)) return;
    // The reason never repeats the value: it may be a secret.
    must(value.message.length < 200, "a reason that repeats its value");
    must(written.length < 30 || !value.message.includes(written), "a reason that repeats its value");
  },
};

const ENDPOINT = {
  version: 1,
  region: "eu-west-1",
  accountId: "111122223333",
  controlPlane: "https://localhost:8443",
  dataPlane: "localhost:8444",
  ca: "/state/ca/ca.pem",
  pid: 7,
  mqtt: "127.0.0.1:8883",
  things: "/state/things",
};

/** endpoint.json of a serve-local. */
export const endpoint: Target = {
  name: "endpoint",
  examples: text(
    JSON.stringify(ENDPOINT),
    JSON.stringify({ ...ENDPOINT, mqtt: undefined, things: undefined }),
  ),
  words: [
    ...JSON_WORDS,
    ...text(...Object.entries(ENDPOINT).map(([name, value]) => `"${name}":${JSON.stringify(value)},`)),
    ...text("https://", "[::1]", ":0", ":65536", "/", "@"),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 200_000,
  run(input) {
    const read = attempt(() => parseEndpoint(textOf(input), "/state", "/state/endpoint.json"), ConfigError);
    if (read instanceof ConfigError) return checkMessage(read);
    const { controlPlane, dataPlane, mqtt, ca, things, pid, accountId } = read;
    must(controlPlane.protocol === "https:", "a control plane without TLS");
    must(/^\d{12}$/.test(accountId), "an account id that is none");
    must(Number.isInteger(pid) && pid > 0, "a process id that is none");
    must(
      ca.startsWith("/") && (things === undefined || things.startsWith("/")),
      "a path that is not absolute",
    );
    for (const address of mqtt === undefined ? [dataPlane] : [dataPlane, mqtt]) {
      must(address.host !== "" && address.port > 0 && address.port <= 65_535, "an address that is none");
    }
  },
};
