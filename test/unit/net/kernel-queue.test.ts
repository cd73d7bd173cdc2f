import { expect, test } from "bun:test";
import { connect, Socket } from "node:net";
import { queuedInKernel, readQueues } from "../../../src/net/kernel-queue.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { waitFor } from "../../helpers/wait.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 0100007F:C000 0100007F:1F90 01 00010001:00000000 01:00000018 00000000  1000        0 12 2 0 20 4 30 10 -1
  12: 0100007F:1F90 0100007F:C000 01 00000000:0000FFFF 00:00000000 00000000  1000        0 13 1 0 20 4 30 10 -1
`;
const V6 =
  "   0: 00000000000000000000000001000000:0016 00000000000000000000000001000000:D431 01 00000005:00000000 00:0\n";

test("the queues of each connection are read from the kernel's table", () => {
  expect([...readQueues(TABLE + V6)]).toEqual([
    ["8080 0", { sending: 0, receiving: 0 }],
    ["49152 8080", { sending: 65_537, receiving: 0 }],
    ["8080 49152", { sending: 0, receiving: 65_535 }],
    ["22 54321", { sending: 5, receiving: 0 }],
  ]);
});

test.each(["", "no table\n", "   0: 0100007F:XXXX 0100007F:1F90 01 0:0\n"])(
  "what is no table has none: %p",
  (text) => {
    expect(readQueues(text).size).toBe(0);
  },
);

test("what an application leaves and takes is seen", async () => {
  await using idle = await startTcpServer();
  const accepted = Promise.withResolvers<Socket>();
  await using reader = await startTcpServer((peer) => {
    peer.pause();
    accepted.resolve(peer);
  });
  const sockets = [connect(idle.port, "127.0.0.1"), connect(reader.port, "127.0.0.1")] as const;
  const peer = await accepted.promise;
  const queued = async () => (await queuedInKernel(sockets))[1] ?? Number.NaN;
  sockets[1].write(new Uint8Array(1_000_000));
  // Until they are acknowledged, bytes are seen on both sides.
  await waitFor("its bytes in the kernel", async () => (await queued()) > 500_000);
  peer.resume();
  await waitFor("nothing in the kernel", async () => (await queued()) === 0);
  for (const socket of sockets) socket.destroy();
});

test("of a socket that has no connection nothing is known", async () => {
  expect(await queuedInKernel([new Socket()])).toEqual([undefined]);
});
