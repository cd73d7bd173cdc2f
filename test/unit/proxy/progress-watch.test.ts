import { test } from "bun:test";
import { connect, type Socket } from "node:net";
import { LocalSocket } from "../../../src/proxy/local-socket.ts";
import { ProgressWatch } from "../../../src/proxy/progress-watch.ts";
import { pause } from "../../helpers/agents.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { waitFor } from "../../helpers/wait.ts";

const EVERY_MS = 20;
/** More than the kernel keeps for an application that does not read, and what fits. */
const MUCH_BYTES = 32 * 1024 * 1024;
const LITTLE_BYTES = 1024 * 1024;

/** A local socket to an application that does not read yet, and what it was seen to take. */
async function watched(use: (local: LocalSocket, application: Socket, seen: () => number) => Promise<void>) {
  const accepted = Promise.withResolvers<Socket>();
  await using server = await startTcpServer((socket) => {
    socket.pause();
    accepted.resolve(socket);
  });
  const nothing = () => {};
  const handlers = { onData: nothing, onEnd: nothing, onClose: nothing, onRoom: nothing };
  const local = new LocalSocket({ key: 1, serviceId: "S" }, connect(server.port, "127.0.0.1"), handlers);
  const application = await accepted.promise;
  let seenBytes = 0;
  using _watch = new ProgressWatch(
    () => [local],
    (_local, bytes) => {
      seenBytes += bytes;
    },
    EVERY_MS,
  );
  await use(local, application, () => seenBytes);
  local.reset();
}

/** Takes a little now and then, less than a socket shows. */
async function takeSome(application: Socket): Promise<void> {
  await pause(4 * EVERY_MS);
  application.once("data", () => application.pause());
  application.resume();
}

test.each([
  ["has more to come", MUCH_BYTES, false],
  ["has ended, and has all in the kernel", LITTLE_BYTES, true],
])("what an application takes is seen where its connection %s", async (_title, bytes, hasEnded) => {
  await watched(async (local, application, seen) => {
    local.write(new Uint8Array(bytes));
    if (hasEnded) local.end();
    await waitFor("a byte that was taken", async () => {
      await takeSome(application);
      return seen() > 0;
    });
  });
});
