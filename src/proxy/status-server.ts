import type { Socket } from "node:net";
import { join } from "node:path";
import { PLATFORM, type Platform } from "../base/platform.ts";
import { claimPrivateDirectory } from "../base/private-files.ts";
import { listenForOwn } from "../net/own-socket.ts";
import type { Listener } from "../net/tcp.ts";
import type { ProcessStatus } from "./status.ts";
import { removeStaleStatusSockets } from "./status-directory.ts";

/** How often a watched process takes a sample. */
const SAMPLE_MS = 500;
/** Watchers at once: a person has a few terminals, and each costs a copy of every line. */
const MAX_WATCHERS = 8;
/** A watcher for whom so much waits does not read: it is dropped. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * Publishes what this process does to those of its own user: a line of JSON at once and then twice a second, for
 * as long as somebody is connected. Nobody can say anything to it.
 */
export class StatusServer {
  readonly #snapshot: () => ProcessStatus;
  readonly #watchers = new Set<Socket>();
  #listener: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(snapshot: () => ProcessStatus) {
    this.#snapshot = snapshot;
  }

  /** @throws ConfigError when the directory, and ListenError when the socket cannot be made */
  static async listen(
    directory: string,
    pid: number,
    snapshot: () => ProcessStatus,
    platform: Platform = PLATFORM,
  ): Promise<StatusServer> {
    claimPrivateDirectory(directory);
    await removeStaleStatusSockets(directory, platform);
    const server = new StatusServer(snapshot);
    const path = join(directory, `${pid}.sock`);
    server.#listener = await listenForOwn(path, (socket) => server.#onWatcher(socket), platform);
    // Nothing waits for it: it ends with what it tells about.
    server.#listener.server.unref();
    return server;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listener?.close();
    for (const watcher of this.#watchers) watcher.destroy();
  }

  #onWatcher(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#watchers.size >= MAX_WATCHERS) {
      socket.destroy();
      return;
    }
    this.#watchers.add(socket);
    socket.on("close", () => this.#onGone(socket));
    socket.on("data", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.resume();
    socket.unref();
    this.#write(socket, this.#line());
    this.#timer ??= setInterval(() => this.#publish(), SAMPLE_MS).unref();
  }

  #onGone(socket: Socket): void {
    this.#watchers.delete(socket);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #publish(): void {
    const line = this.#line();
    for (const watcher of this.#watchers) this.#write(watcher, line);
  }

  #line(): string {
    return `${JSON.stringify(this.#snapshot())}\n`;
  }

  #write(watcher: Socket, line: string): void {
    if (watcher.writableLength > MAX_WAITING_BYTES) watcher.destroy();
    else watcher.write(line);
  }
}
