// Access tokens that open and rotate got for this user, kept so that the next proxy needs none typed in, and the
// client token that goes with each access token, kept so that a restarted proxy can use its access token again.

import { createHash, randomUUID } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  claimPrivateDirectory,
  readPrivateFile,
  removeDrafts,
  writePrivateFile,
} from "../base/private-files.ts";
import { type AccessToken, ClientToken } from "../base/secret.ts";
import type { Mode } from "./options.ts";
import { decodeGiven, decodeSaved, encodeGiven, encodeSaved, type SavedToken } from "./saved-token.ts";

/** Files kept at most; the oldest go first. Tunnels live 12 h, so this is far above one person's use. */
const MAX_FILES = 1_000;

/** Tokens of this user on disk, directory 0700 and files 0600. All methods throw ConfigError naming the path. */
export class TokenStore {
  readonly #directory: string;
  readonly #now: () => number;

  constructor(directory: string, now: () => number) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Makes the directory. Called before a tunnel is opened, so that its tokens cannot be lost for want of a place. */
  prepare(): void {
    claimPrivateDirectory(this.#directory);
    this.#prune();
  }

  /** Saves an access token with a fresh client token, in place of an older one of the same side and tunnel. */
  save(token: Omit<SavedToken, "clientToken">): void {
    this.prepare();
    const text = encodeSaved({ ...token, clientToken: new ClientToken(randomUUID()) });
    writePrivateFile(this.#path(token.tunnelId, token.mode), text);
  }

  /** Tokens of one side that have not expired, newest first. */
  list(mode: Mode): SavedToken[] {
    return this.#files()
      .filter(({ name }) => name.endsWith(`.${mode}.json`))
      .flatMap(({ path }) => this.#readSaved(path) ?? [])
      .filter(({ expiresAt }) => expiresAt.getTime() > this.#now());
  }

  /** When the token of one side was saved, in milliseconds since 1970; undefined when none is kept. */
  savedAt(tunnelId: string, mode: Mode): number | undefined {
    return statSync(this.#path(tunnelId, mode), { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Deletes the token of one side, e.g. after the service refused it; without `mode` those of both sides. */
  delete(tunnelId: string, mode?: Mode): void {
    for (const side of mode === undefined ? (["source", "destination"] as const) : [mode]) {
      rmSync(this.#path(tunnelId, side), { force: true });
    }
  }

  /** Deletes what the serve-local of a state directory issued, when it forgets its tunnels. */
  deleteLocal(stateDir: string): void {
    for (const { tunnelId, mode, issuer } of [...this.list("source"), ...this.list("destination")]) {
      if (issuer.type === "local" && issuer.stateDir === stateDir) {
        this.delete(tunnelId, mode);
      }
    }
  }

  /**
   * The client token for an access token that was given to us and is not saved itself: the same one at every start,
   * kept under the access token's hash until `expiresAt`.
   */
  clientTokenFor(accessToken: AccessToken, expiresAt: Date): ClientToken {
    this.prepare();
    const path = this.#givenPath(accessToken);
    const known = readPrivateFile(path);
    if (known !== undefined) {
      return decodeGiven(known, path).clientToken;
    }
    const clientToken = new ClientToken(randomUUID());
    writePrivateFile(path, encodeGiven({ clientToken, expiresAt }));
    return clientToken;
  }

  /** Deletes the client token kept for an access token that was given to us. */
  forgetClientToken(accessToken: AccessToken): void {
    rmSync(this.#givenPath(accessToken), { force: true });
  }

  #readSaved(path: string): SavedToken | undefined {
    const text = readPrivateFile(path);
    return text === undefined ? undefined : decodeSaved(text, path);
  }

  #path(tunnelId: string, mode: Mode): string {
    return join(this.#directory, `${encodeURIComponent(tunnelId)}.${mode}.json`);
  }

  #givenPath(accessToken: AccessToken): string {
    const hash = createHash("sha256").update(accessToken.reveal()).digest("hex");
    return join(this.#directory, `${hash}.given.json`);
  }

  /** Deletes what has expired, the oldest beyond the limit, and drafts of processes that were killed. */
  #prune(): void {
    removeDrafts(this.#directory, this.#now());
    const files = this.#files();
    for (const [index, { name, path }] of files.entries()) {
      if (index >= MAX_FILES - 1 || this.#hasExpired(name, path)) {
        rmSync(path, { force: true });
      }
    }
  }

  #hasExpired(name: string, path: string): boolean {
    const text = readPrivateFile(path);
    if (text === undefined) {
      return false;
    }
    const decode = name.endsWith(".given.json") ? decodeGiven : decodeSaved;
    return decode(text, path).expiresAt.getTime() <= this.#now();
  }

  /** Our files, the newest first. */
  #files(): { readonly name: string; readonly path: string }[] {
    return readNames(this.#directory)
      .filter((name) => /\.(source|destination|given)\.json$/.test(name))
      .map((name) => ({ name, path: join(this.#directory, name) }))
      .map((file) => ({ ...file, time: statSync(file.path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
      .sort((a, b) => b.time - a.time);
  }
}

function readNames(directory: string): string[] {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : [];
}
