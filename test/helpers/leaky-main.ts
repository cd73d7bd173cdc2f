// The program with handles that nobody closes: a timer, a listener, and a connection to a server that never answers.
// With TUNNEL_TEST_THROW, it also throws what nobody catches, once its standard input has ended.
import { connect, createServer } from "node:net";
import process from "node:process";

setInterval(() => {}, 1_000);
const server = createServer(() => {}).listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) connect(address.port, "127.0.0.1");
});
if (process.env["TUNNEL_TEST_THROW"] !== undefined) {
  process.stdin.resume().once("end", () => {
    throw new Error("planted");
  });
}
await import("../../src/cli/main.ts");
