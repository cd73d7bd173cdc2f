// Answers of AWS JSON 1.1 that nobody here wrote: each is read, or told by the name of its error.
import { expect, test } from "bun:test";
import { Agent } from "node:https";
import { callService, ServiceFault } from "../../../src/aws/service-call.ts";
import { CONFORMANCE_MARK, conformance, readCases, tally } from "../../helpers/conformance.ts";
import { startHttpServer } from "../../helpers/servers.ts";

interface Case {
  readonly id: string;
  readonly errorCode?: string;
  readonly response: {
    readonly status_code: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
}

const FILE = conformance("awsjson/output.json");

test.skipIf(FILE === undefined)(
  `every answer is read, and every error has its name ${CONFORMANCE_MARK}`,
  async () => {
    const cases = readCases<{ readonly cases: readonly Case[] }[]>(FILE ?? "").flatMap(({ cases }) => cases);
    expect(cases).toHaveLength(58);
    const results = await Promise.all(cases.map(async (each) => ({ id: each.id, is: await answerOf(each) })));
    expect(results).toEqual(cases.map((each) => ({ id: each.id, is: wanted(each) })));
    tally("answers of AWS JSON 1.1", cases.length);
    tally("errors of AWS JSON 1.1", cases.filter(({ errorCode }) => errorCode !== undefined).length);
  },
);

async function answerOf({ response: { status_code, headers = {}, body = "" } }: Case): Promise<unknown> {
  await using server = await startHttpServer((_, response) =>
    response.writeHead(status_code, headers).end(body),
  );
  const context = {
    url: new URL(`http://127.0.0.1:${server.port}/`),
    region: "us-east-1",
    keys: { accessKeyId: "x", secretAccessKey: "x" },
    now: new Date(),
  };
  return await callService("ListTunnels", {}, context, { agent: new Agent() }).catch((error: unknown) =>
    error instanceof ServiceFault ? error.name : error,
  );
}

function wanted({ errorCode, response: { body = "" } }: Case): unknown {
  return errorCode ?? (body === "" ? {} : JSON.parse(body));
}
