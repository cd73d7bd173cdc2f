// `tunnel close --stale` against a control plane where some of the calls fail.
import { expect, test } from "bun:test";
import { text } from "node:stream/consumers";
import { ownerName } from "../../src/operator/connect-tags.ts";
import { startHttpServer } from "../helpers/servers.ts";
import { runTunnel } from "../helpers/tunnel.ts";

/** Name of an exception by `Operation tunnelId`. */
type Faults = Readonly<Record<string, string>>;

/** A control plane with tunnels that a connect of this user left over. */
async function startControlPlane(ids: readonly string[], faults: Faults) {
  const closed: string[] = [];
  const server = await startHttpServer(async (request, response) => {
    const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
    const { tunnelId } = JSON.parse(await text(request)) as { tunnelId?: string };
    const fault = faults[`${operation} ${tunnelId}`];
    const tags = [
      { key: "tunnel:opened-by", value: "connect" },
      { key: "tunnel:owner", value: ownerName() },
    ];
    const answers: Record<string, unknown> = {
      ListTunnels: { tunnelSummaries: ids.map((id) => ({ tunnelId: id, status: "OPEN" })) },
      DescribeTunnel: { tunnel: { tunnelId, status: "OPEN", tags, createdAt: 1, lastUpdatedAt: 1 } },
      CloseTunnel: {},
    };
    if (operation === "CloseTunnel" && fault === undefined) closed.push(tunnelId ?? "");
    const headers = { "content-type": "application/x-amz-json-1.1", connection: "close" };
    response.writeHead(fault === undefined ? 200 : 400, headers);
    response.end(JSON.stringify(fault === undefined ? answers[operation] : { __type: fault, message: "no" }));
  });
  return {
    closed,
    run: (...words: readonly string[]) =>
      runTunnel([...words, "--endpoint-url", `http://127.0.0.1:${server.port}`, "--region", "us-east-1"], {
        AWS_ACCESS_KEY_ID: "a",
        AWS_SECRET_ACCESS_KEY: "b",
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test("what can be closed is closed, whatever fails on the way; each failure is told", async () => {
  await using service = await startControlPlane(["t1", "t2", "t3", "t4", "t5"], {
    "CloseTunnel t1": "AccessDeniedException",
    "CloseTunnel t2": "ResourceNotFoundException",
    "DescribeTunnel t3": "AccessDeniedException",
  });
  const { code, stdout, stderr } = await service.run("close", "--stale");
  expect(service.closed).toEqual(["t4", "t5"]);
  expect(stdout).toBe("closed t4\nclosed t5");
  expect(stderr).toContain("not allowed to call iot:CloseTunnel");
  expect(stderr).toContain("not allowed to call iot:DescribeTunnel");
  expect(stderr).toContain("2 tunnels could not be looked at or closed; the others are done");
  expect(code).toBe(77);
});

test("one that somebody else closed first is no failure", async () => {
  await using service = await startControlPlane(["t1"], { "CloseTunnel t1": "ResourceNotFoundException" });
  expect((await service.run("close", "--stale")).code).toBe(0);
});

test("list --stale shows those that it may look at", async () => {
  await using service = await startControlPlane(["t1", "t2"], {
    "DescribeTunnel t1": "AccessDeniedException",
  });
  const { code, stdout, stderr } = await service.run("list", "--stale", "--json");
  const { tunnelSummaries } = JSON.parse(stdout) as { tunnelSummaries: { tunnelId: string }[] };
  expect([code, tunnelSummaries.map(({ tunnelId }) => tunnelId)]).toEqual([0, ["t2"]]);
  expect(stderr).toContain("iot:DescribeTunnel");
});

test("refused credentials end it at once: they would be for every other one", async () => {
  await using service = await startControlPlane(["t1", "t2"], {
    "CloseTunnel t1": "ExpiredTokenException",
    "CloseTunnel t2": "ExpiredTokenException",
  });
  const { code, stderr } = await service.run("close", "--stale");
  expect([code, stderr.match(/error:/g)?.length]).toEqual([77, 1]);
});
