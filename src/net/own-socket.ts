// How the processes of one user meet: at a path in a directory that nobody else can enter. That is a Unix socket where
// there are such. On Windows it is a card, a file that names a port of the loopback and a word for either side: named
// pipes know no half-close, show their names to everybody, and may be read by every user unless told otherwise.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { jsonObject } from "../base/json-object.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import { readPrivateFile, writePrivateFile } from "../base/private-files.ts";
import { codeOf } from "../base/system-reason.ts";
import { firstBytes } from "./first-bytes.ts";
import { isStaleSocket, type Listener, listen } from "./tcp.ts";

/** Bytes of a word: nobody guesses it. */
const WORD_BYTES = 32;
/** Who has read the card says its word at once; this is for a machine that is busy. */
const WORD_MS = 5_000;
/** Who has not said its word yet may be anybody on this machine: so many are borne with. */
const MAX_STRANGERS = 64;

/** What the file says. */
interface Card {
  readonly port: number;
  /** Said by who dials: it could read the card. */
  readonly ask: Buffer;
  /** Said by who listens, so that nobody who took the port of one that was killed is believed. */
  readonly answer: Buffer;
}

/**
 * Listens at a path for processes of the same user. Sockets arrive paused and half-open, and know no reset.
 * @throws ListenError when it cannot be listened, ConfigError when the card cannot be written
 */
export async function listenForOwn(
  path: string,
  onSocket: (socket: Socket) => void,
  platform: Platform = PLATFORM,
): Promise<Listener> {
  if (!platform.isWindows) return listen({ type: "unix", path }, onSocket);
  const [ask, answer] = [randomBytes(WORD_BYTES), randomBytes(WORD_BYTES)];
  const strangers = new Set<Socket>();
  const listener = await listen({ type: "tcp", port: 0 }, (socket) => {
    if (strangers.size >= MAX_STRANGERS) socket.destroy();
    else void admit(socket, { ask, answer }, strangers, onSocket);
  });
  const close = () => {
    listener.close();
    for (const stranger of strangers) stranger.destroy();
  };
  try {
    writePrivateFile(path, cardText({ port: listener.port ?? 0, ask, answer }));
  } catch (error) {
    close();
    throw error;
  }
  return {
    server: listener.server,
    address: path,
    port: undefined,
    close() {
      close();
      rmSync(path, { force: true });
    },
  };
}

/** Hands a socket on once it has said the word and was answered. */
async function admit(
  socket: Socket,
  { ask, answer }: Pick<Card, "ask" | "answer">,
  strangers: Set<Socket>,
  onSocket: (socket: Socket) => void,
): Promise<void> {
  strangers.add(socket);
  // It holds nothing up: whoever listens may be at its end.
  socket.unref();
  try {
    if (!timingSafeEqual(await firstBytes(socket, WORD_BYTES, WORD_MS), ask)) return void socket.destroy();
  } catch {
    return;
  } finally {
    strangers.delete(socket);
  }
  socket.ref();
  // As a Unix socket: what was said before its end is heard, and those who care ask why it ended.
  socket.resetAndDestroy = () => socket.destroy();
  socket.write(answer);
  onSocket(socket);
}

/**
 * A connection, half-open, to the process of this user that listens at a path. It may be paused: resume() it once
 * listeners are there. @throws an error whose code is ENOENT where nothing is, ECONNREFUSED where nobody listens
 */
export async function dialOwn(path: string, platform: Platform = PLATFORM): Promise<Socket> {
  if (platform.isWindows) return dialCard(readCard(path));
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

async function dialCard({ port, ask, answer }: Card): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  socket.write(ask);
  if (timingSafeEqual(await firstBytes(socket, WORD_BYTES, WORD_MS), answer)) return socket;
  socket.destroy();
  throw failure("ECONNREFUSED", "somebody else listens there");
}

/** Whether what is at a path is left over from a process that was killed. */
export async function isStale(path: string, platform: Platform = PLATFORM): Promise<boolean> {
  if (!platform.isWindows) return isStaleSocket(path);
  try {
    (await dialOwn(path, platform)).destroy();
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  }
}

function cardText({ port, ask, answer }: Card): string {
  return JSON.stringify({ port, ask: ask.toString("hex"), answer: answer.toString("hex") });
}

function readCard(path: string): Card {
  const text = readPrivateFile(path);
  if (text === undefined) throw failure("ENOENT", "nobody listens there");
  const { port, ask, answer } = jsonObject(text) ?? {};
  const [first, second] = [ask, answer].map((word) => Buffer.from(String(word), "hex"));
  const isCard = Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
  if (!isCard || first?.length !== WORD_BYTES || second?.length !== WORD_BYTES) {
    throw failure("ECONNREFUSED", "what is there names no listener");
  }
  return { port: Number(port), ask: first, answer: second };
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
