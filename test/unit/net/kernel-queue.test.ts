import { expect, test } from "bun:test";
import { connect, Socket } from "node:net";
import { KernelQueues, queuedInKernel } from "../../../src/net/kernel-queue.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { waitFor } from "../../helpers/wait.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, remote: string, sending: string, receiving: string) =>
  `   0: ${local} ${remote} 01 ${sending}:${receiving} 01:00000018 00000000  1000        0 12 2 0 20 4 30 10 -1\n`;
const V4 = HEAD + row("0100007F:C000", "0100007F:1F90", "00010001", "00000000");
const PEER = row("0100007F:1F90", "0100007F:C000", "00000000", "0000FFFF");
const MAPPED_PEER = row(
  "0000000000000000FFFF00000100007F:1F90",
  "0000000000000000FFFF00000100007F:C000",
  "00000000",
  "0000FFFF",
);
const OTHERS = row("0200007F:1F90", "0200007F:C000", "00000000", "00000001");
const SOCKET = { localPort: 0xc000, remotePort: 0x1f90 };

test.each([
  ["its own queue alone where the other end is elsewhere", V4, 65_537],
  ["both where the other end is here", V4 + PEER, 131_072],
  ["both where the other end sees IPv4 as IPv6", V4 + MAPPED_PEER, 131_072],
  ["nothing of another pair of the same ports", V4 + OTHERS, 65_537],
  ["nothing where two have the same ports", V4 + row("0200007F:C000", "0200007F:1F90", "0", "0"), undefined],
  ["nothing without a row", HEAD, undefined],
  ["nothing in what is no table", "no table\n: \n", undefined],
])("of the kernel's table counts %s", (_title, table, queued) => {
  const queues = new KernelQueues([SOCKET, {}]);
  for (const line of table.split("\n")) queues.take(line);
  expect(queues.queued).toEqual([queued, undefined]);
});

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
