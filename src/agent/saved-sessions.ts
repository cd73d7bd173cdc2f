import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { TunnelError } from "../base/errors.ts";
import { FileLock } from "../base/file-lock.ts";
import { jsonObject } from "../base/json-object.ts";
import {
  claimPrivateDirectory,
  readPrivateFile,
  removeDrafts,
  writePrivateFile,
} from "../base/private-files.ts";
import { AccessToken, ClientToken } from "../base/secret.ts";
import { ACCESS_TOKEN_PATTERN, CLIENT_TOKEN_PATTERN, MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";
import type { Notification } from "./notification.ts";
import { sessionIdOf } from "./session-table.ts";

/** What it takes to go on with a session in another process: without the client token its access token is spent. */
export interface SavedSession extends Notification {
  readonly clientToken: ClientToken;
  /** HOST:PORT of the data plane it was received for: a token of one service never goes to another. */
  readonly dataPlane: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

const VERSION = 1;
const NAME = /^[0-9a-f]{16}\.json$/;

/** Running sessions on disk, a file (0600) each, in a directory (0700) of their own. */
export class SavedSessions {
  readonly #directory: string;

  /** Makes the directory. @throws ConfigError when that is not possible */
  constructor(directory: string) {
    this.#directory = directory;
    claimPrivateDirectory(directory, { hint: "name one that this user can write to: --state-dir DIR" });
  }

  /**
   * Keeps other agents away: two would end each other's sessions by removing their files.
   * @throws TunnelError ERR_LIMIT while another process has it
   */
  lock(): FileLock {
    const lock = FileLock.tryTake(join(this.#directory, "agent.lock"));
    const holder = join(this.#directory, "agent.pid");
    if (lock !== undefined) {
      writePrivateFile(holder, `${process.pid}\n`);
      return lock;
    }
    const pid = /^\d+/.exec(readPrivateFile(holder) ?? "")?.[0];
    const who = pid === undefined ? "another agent" : `another agent, process ${pid},`;
    throw new TunnelError("ERR_LIMIT", `${who} uses the state directory "${this.#directory}"`, {
      hint: "stop that one, or give this one a directory of its own: --state-dir DIR",
    });
  }

  /** @throws ConfigError */
  save(session: SavedSession): void {
    const { accessToken, clientToken, dataPlane, region, services, receivedAt } = session;
    const content = {
      version: VERSION,
      accessToken: accessToken.reveal(),
      clientToken: clientToken.reveal(),
      dataPlane,
      region,
      services,
      receivedAt,
    };
    writePrivateFile(this.#path(sessionIdOf(accessToken)), `${JSON.stringify(content)}\n`);
  }

  delete(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  /**
   * The newest `max` sessions whose tunnel can still be alive, the oldest first; all other files are removed, and
   * so are drafts of a process that was killed. A time in the future counts as recent: many devices start with a
   * clock that is not set yet.
   */
  load(now: number, max: number): SavedSession[] {
    removeDrafts(this.#directory, now);
    const found = this.#names().map((name) => ({ name, session: this.#read(name) }));
    const alive = found
      .flatMap(({ session }) => session ?? [])
      .filter(({ receivedAt }) => receivedAt > now - MAX_TUNNEL_LIFE_MS)
      .sort((a, b) => a.receivedAt - b.receivedAt)
      .slice(-max);
    const kept = new Set(alive.map(({ accessToken }) => `${sessionIdOf(accessToken)}.json`));
    for (const { name } of found) {
      if (!kept.has(name)) rmSync(join(this.#directory, name), { force: true });
    }
    return alive;
  }

  #path(id: string): string {
    return join(this.#directory, `${id}.json`);
  }

  #names(): string[] {
    return readdirSync(this.#directory).filter((name) => NAME.test(name));
  }

  /** A file that cannot be understood is worth nothing. */
  #read(name: string): SavedSession | undefined {
    try {
      return decodeSession(readPrivateFile(join(this.#directory, name)) ?? "");
    } catch {
      return undefined;
    }
  }
}

/** What the text of a file says; undefined when it is not what `save` wrote. Never throws. */
export function decodeSession(text: string): SavedSession | undefined {
  const content = jsonObject(text);
  if (content === undefined) return undefined;
  const { version, accessToken, clientToken, dataPlane, region, services, receivedAt } = content;
  const isOurs =
    version === VERSION &&
    typeof accessToken === "string" &&
    ACCESS_TOKEN_PATTERN.test(accessToken) &&
    typeof clientToken === "string" &&
    CLIENT_TOKEN_PATTERN.test(clientToken) &&
    typeof dataPlane === "string" &&
    typeof region === "string" &&
    Array.isArray(services) &&
    services.every((service) => typeof service === "string") &&
    Number.isFinite(receivedAt);
  if (!isOurs) return undefined;
  return {
    accessToken: new AccessToken(accessToken),
    clientToken: new ClientToken(clientToken),
    dataPlane,
    region,
    services,
    receivedAt: receivedAt as number,
  };
}
