// A job as people have it in CI: the service from a cold start, AWS's own tools, and an HTTP request through the
// reference proxy on both sides.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AWS, PYTHON } from "../helpers/aws-tools.ts";
import { REFERENCE_PROXY, testWithReference } from "../helpers/reference.ts";
import { freePort, startHttpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";

/** From the start of the program to its end, also on a busy machine of two cores. */
const LIMIT_MS = 10_000;

const CONTROL_PLANE = `
${AWS} --endpoint-url "$AWS_ENDPOINT_URL_IOTSECURETUNNELING" --output json iotsecuretunneling open-tunnel \\
  --destination-config thingName=pump-7,services=WEB > opened.json
${PYTHON} -c 'import boto3, os
client = boto3.client("iotsecuretunneling", endpoint_url=os.environ["AWS_ENDPOINT_URL_IOTSECURETUNNELING"])
print(len(client.list_tunnels(thingName="pump-7")["tunnelSummaries"]), "tunnel")'
`;

/** In the environment: SERVICE, PORT, PROXY. */
const CARRY = `
token() { sed -n "s/.*\\"$1\\": \\"\\([^\\"]*\\)\\".*/\\1/p" opened.json; }
proxy() { AWSIOT_TUNNEL_ACCESS_TOKEN=$(token $1) exec "$PROXY" -e "$AWSIOT_TUNNEL_ENDPOINT" -c "$TUNNEL_LOCAL/ca/certs" "$2" "$3"; }
proxy destinationAccessToken -d WEB=127.0.0.1:$SERVICE > destination.log 2>&1 & pids=$!
proxy sourceAccessToken -s WEB=$PORT > source.log 2>&1 & pids="$pids $!"
trap 'kill $pids' EXIT
until grep -q Listening source.log && grep -q "Successfully established" destination.log; do sleep 0.05; done
curl -sSf http://127.0.0.1:$PORT/
`;

async function job(script: string, env: NodeJS.ProcessEnv = {}): Promise<{ stdout: string; ms: number }> {
  using dir = tempDir();
  const file = join(dir.path, "job.sh");
  writeFileSync(file, `set -euo pipefail\ncd ${dir.path}\n${script}`);
  const startedAt = performance.now();
  const words = [
    "serve-local",
    "--ephemeral",
    "--listen",
    "127.0.0.1:0",
    "--",
    "timeout",
    "30",
    "bash",
    file,
  ];
  const { code, stdout, stderr } = await runTunnel(words, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  return { stdout, ms: performance.now() - startedAt };
}

test("AWS CLI and boto3, green within ten seconds of a cold start", async () => {
  const { stdout, ms } = await job(CONTROL_PLANE);
  expect(stdout).toBe("1 tunnel");
  expect(ms).toBeLessThan(LIMIT_MS);
}, 60_000);

testWithReference(
  "… and a request through the reference proxy on both sides",
  async () => {
    await using service = await startHttpServer((_, response) => response.end("carried"));
    const port = await freePort();
    const env = { SERVICE: String(service.port), PORT: String(port), PROXY: REFERENCE_PROXY };
    const { stdout, ms } = await job(CONTROL_PLANE + CARRY, env);
    expect(stdout).toBe("1 tunnel\ncarried");
    expect(ms).toBeLessThan(LIMIT_MS);
  },
  60_000,
);
