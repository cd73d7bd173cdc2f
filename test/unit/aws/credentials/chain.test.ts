import { expect, test } from "bun:test";
import { Agent } from "node:https";
import { awsCredentials } from "../../../../src/aws/credentials/chain.ts";
import { USUAL } from "../../../../src/aws/endpoints.ts";
import { SharedSettings } from "../../../../src/aws/shared-settings.ts";
import { startHttpServer } from "../../../helpers/servers.ts";

const HOSTS = { region: () => "eu-west-1", variant: () => USUAL };

test("keys near their end are asked for once, however many calls wait for them", async () => {
  let asked = 0;
  await using server = await startHttpServer((_, response) => {
    asked += 1;
    const Expiration = new Date(Date.now() + 60_000).toISOString();
    response.end(JSON.stringify({ AccessKeyId: `AK${asked}`, SecretAccessKey: "s", Token: "t", Expiration }));
  });
  const env = {
    HOME: "/nowhere",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${server.port}/`,
  };
  const settings = new SharedSettings({ name: undefined, isExplicit: false }, env);
  const credentials = awsCredentials(settings, HOSTS, { agent: new Agent() });
  const rounds = [];
  for (let round = 0; round < 2; round += 1) {
    const keys = await Promise.all(Array.from({ length: 8 }, () => credentials()));
    rounds.push([...new Set(keys.map(({ accessKeyId }) => accessKeyId))]);
  }
  expect([rounds, asked]).toEqual([[["AK1"], ["AK2"]], 2]);
});
