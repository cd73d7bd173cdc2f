import type { OperationName } from "../../../src/aws/shapes.ts";
import { checkAuthorization } from "../../../src/emulator/control-plane/authorization.ts";
import { parseBody } from "../../../src/emulator/control-plane/body.ts";
import { checkRequest } from "../../../src/emulator/control-plane/constraints.ts";
import { OPERATIONS, operationOf, runOperation } from "../../../src/emulator/control-plane/operations.ts";
import { isOwnHost } from "../../../src/emulator/server/host-rule.ts";
import { Fault } from "../../../src/emulator/tunnels/fault.ts";
import type { Tunnels } from "../../../src/emulator/tunnels/tunnels.ts";
import { makeTunnels, signedHeaders } from "../../helpers/emulator.ts";
import { Cursor } from "../cursor.ts";
import { JSON_WORDS } from "../json.ts";
import { attempt, concat, must, type Target, text, textOf } from "../target.ts";

const NAMES = Object.keys(OPERATIONS) as OperationName[];
const NOW = Date.UTC(2026, 0, 1);
const ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const ARN = `arn:aws:iot:eu-west-1:111122223333:tunnel/${ID}`;

const BODIES: Readonly<Record<OperationName, string>> = {
  OpenTunnel:
    '{"description":"é","tags":[{"key":"k","value":""}],"destinationConfig":{"thingName":"pump-7","services":["SSH"]},"timeoutConfig":{"maxLifetimeTimeoutMinutes":60}}',
  RotateTunnelAccessToken: `{"tunnelId":"${ID}","clientMode":"ALL","destinationConfig":{"services":["SSH"]}}`,
  DescribeTunnel: `{"tunnelId":"${ID}"}`,
  ListTunnels: '{"maxResults":3,"thingName":"pump-7","nextToken":"YmVmb3JlOjc"}',
  CloseTunnel: `{"tunnelId":"${ID}","delete":true}`,
  TagResource: `{"resourceArn":"${ARN}","tags":[{"key":"a","value":"b"}]}`,
  UntagResource: `{"resourceArn":"${ARN}","tagKeys":["a"]}`,
  ListTagsForResource: `{"resourceArn":"${ARN}"}`,
};

const MEMBERS = [...new Set(Object.values(BODIES).flatMap((body) => body.match(/"\w+":/g) ?? []))];

function exampleOf(name: OperationName): Uint8Array {
  return concat([Uint8Array.of(NAMES.indexOf(name)), ...text(BODIES[name])]);
}

const WORDS = [...JSON_WORDS, ...text(...MEMBERS, `"${ID}"`, `"${ARN}"`, '"SOURCE"', '"aws:k"', "before:7")];

/** A body of the control plane against the model; the first byte chooses the operation. */
export const constraints: Target = {
  name: "constraints",
  examples: NAMES.map(exampleOf),
  words: WORDS,
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 150_000,
  run(input) {
    const cursor = new Cursor(input);
    const name = cursor.pick(NAMES);
    const body = textOf(cursor.rest());
    const checked = attempt(() => checkRequest(OPERATIONS[name].input, parseBody(Buffer.from(body))), Fault);
    if (checked instanceof Fault) return checkFault(checked);
    const members = Object.keys(OPERATIONS[name].input.members);
    must(
      Object.keys(checked).every((member) => members.includes(member)),
      "a member that the model has not",
    );
    const written = JSON.stringify(checked);
    must(written.length <= 6 * body.length + 2, "a request is longer than its body");
    const again = JSON.stringify(checkRequest(OPERATIONS[name].input, parseBody(Buffer.from(written))));
    must(again === written, "a checked request is another one when it is checked again");
  },
};

const LINE_END = 10;
/** Calls of one input: each takes the time of a commit. */
const MAX_CALLS = 10;
/** Tunnels live in memory and are made anew before there are many. */
let tunnels: Tunnels;
let calls = 0;

/** Calls carried out, several in one input, between lines: each an operation and its body. */
export const controlPlane: Target = {
  name: "control-plane",
  examples: [
    concat(NAMES.flatMap((name) => [exampleOf(name), ...text("\n")])),
    concat([exampleOf("OpenTunnel"), ...text("\n"), exampleOf("ListTunnels")]),
  ],
  words: [...WORDS, ...NAMES.map((name) => concat([...text("\n"), exampleOf(name)]))],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 15_000,
  run(input) {
    if (calls++ % 500 === 0) ({ tunnels } = makeTunnels());
    let start = 0;
    for (let count = 0; start < input.length && count < MAX_CALLS; count++) {
      const end = input.indexOf(LINE_END, start);
      call(input.subarray(start, end < 0 ? input.length : end));
      start = end < 0 ? input.length : end + 1;
    }
  },
};

function call(input: Uint8Array): void {
  const cursor = new Cursor(input);
  const name = cursor.pick(NAMES);
  const body = textOf(cursor.rest());
  const answer = attempt(() => runOperation(name, parseBody(Buffer.from(body)), tunnels), Fault);
  if (answer instanceof Fault) return checkFault(answer);
  const { tunnelId } = answer as { tunnelId?: string };
  if (name !== "OpenTunnel" || tunnelId === undefined) return;
  checkOpened(parseBody(Buffer.from(body)) as Readonly<Record<string, unknown>>, tunnelId);
  runOperation("CloseTunnel", { tunnelId, delete: body.length % 2 === 0 }, tunnels);
}

/** What was opened is what is described. */
function checkOpened(request: Readonly<Record<string, unknown>>, tunnelId: string): void {
  const { tunnel } = runOperation("DescribeTunnel", { tunnelId }, tunnels) as {
    tunnel: Readonly<Record<string, unknown>>;
  };
  must((request["description"] ?? undefined) === tunnel["description"], "the description is another one");
  must(
    JSON.stringify(tunnel).length < 20_000 + 6 * JSON.stringify(request).length,
    "an answer without bound",
  );
}

function checkFault({ type, message, status }: Fault): void {
  must(/^\w+Exception$/.test(type) && status === 400, "a fault that no client knows");
  must(message.length < 20_000, "a fault that repeats its request at length");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  must(!/[\u0000-\u001f\u007f]/.test(message), "a fault that repeats control characters");
}

const { authorization = "", "x-amz-date": date = "" } = signedHeaders("OpenTunnel", NOW);

/** What decides over a call before its body: lines with target, authorization, date and host. */
export const headers: Target = {
  name: "headers",
  examples: text(
    `IoTSecuredTunneling.OpenTunnel\n${authorization}\n${date}\nlocalhost:8443`,
    `IoTSecuredTunneling.ListTunnels\n${authorization}\n${date}\n[::1]`,
    "IoTSecuredTunneling.OpenTunnel.x\nBearer x\n20260101T000000Z\n127.0.0.1",
  ),
  words: text(
    "IoTSecuredTunneling",
    ".",
    "AWS4-HMAC-SHA256",
    " ",
    ",",
    "Credential=",
    "SignedHeaders=",
    "Signature=",
    ";host",
    "/",
    "\n",
    "20251231T235959Z",
    "aws4_request",
    "[::1]",
    ":1",
    "__proto__",
  ),
  maxLength: 2_000,
  suiteRuns: 400_000,
  run(input) {
    const [target, signed = "", stamp = "", host] = textOf(input).split("\n");
    const name = attempt(() => operationOf(target), Fault);
    if (name instanceof Fault) checkFault(name);
    else must(NAMES.includes(name), "an operation that there is not");
    const fault = attempt(
      () => checkAuthorization({ authorization: signed, "x-amz-date": stamp }, NOW),
      Fault,
    );
    must(
      !(fault instanceof Fault) || fault.message.length < 300,
      "a fault that repeats its request at length",
    );
    if (fault === undefined) must(/^AWS4-HMAC-SHA256\s/.test(signed.trim()), "an unsigned call passes");
    must(
      !isOwnHost(host, ["localhost"]) || /^localhost(:\d{1,5})?$/i.test(host ?? ""),
      "another host passes",
    );
  },
};
