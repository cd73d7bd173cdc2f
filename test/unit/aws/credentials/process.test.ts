import { expect, test } from "bun:test";
import { processKeys } from "../../../../src/aws/credentials/process.ts";
import { failureOf } from "../../../helpers/proxies.ts";

const KEYS = `{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"s","Expiration":"2099-01-01T00:00:00Z"}`;

test("keys with their expiry", async () => {
  expect(await processKeys(`echo '${KEYS}'`, "p")).toEqual({
    accessKeyId: "AK",
    secretAccessKey: "s",
    sessionToken: undefined,
    expiration: new Date("2099-01-01T00:00:00Z"),
  });
});

test.each([
  ["nothing printed", "true", 'credential_process of profile "p" printed no JSON object'],
  ["a list", "echo '[]'", "printed no JSON object"],
  ["no secret", `echo '{"Version":1,"AccessKeyId":"AK"}'`, "printed no AccessKeyId or no SecretAccessKey"],
  ["old keys", `echo '${KEYS.replace("2099", "2019")}'`, "printed credentials that have expired"],
  ["a signal", "sh -c 'kill -9 $$'", "was ended by SIGKILL"],
  [
    "control characters",
    `sh -c 'printf "\\033[2Jbad\\nworse\\n" >&2; exit 1'`,
    "exit code 1: \\u001b[2Jbad; worse",
  ],
  ["an open quote", "echo 'a", "is no command line"],
])("%s", async (_name, command, message) => {
  const error = await failureOf(processKeys(command, "p"));
  expect(error).toMatchObject({ code: "ERR_CREDENTIALS" });
  expect(String(error)).toContain(message);
});

test("more on stderr than anybody reads blocks nothing and is cut", async () => {
  const error = await failureOf(processKeys("sh -c 'yes no | head -c 2000000 >&2; exit 2'", "p"));
  expect(String(error).length).toBeLessThan(700);
  expect(String(error)).toContain("exit code 2: no; no; ");
});

test("it ends with the command", async () => {
  const stop = new AbortController();
  const failure = failureOf(processKeys("sleep 60", "p", stop.signal));
  stop.abort();
  expect(String(await failure)).toContain("was ended by SIGKILL");
});
