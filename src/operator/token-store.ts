// Access tokens that open and rotate got for this user, kept so that the next proxy needs none typed in, and the
// client token that goes with each access token, kept so that a restarted proxy can use its access token again.

import { createHash, randomUUID } from "node:crypto";
import { accessSync, constants, readdirSync, rmSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../base/errors.ts";
import {
  claimPrivateDirectory,
  readPrivateFile,
  removeDrafts,
  writePrivateFile,
} from "../base/private-files.ts";
import { type AccessToken, ClientToken } from "../base/secret.ts";
import { codeOf, systemReason } from "../base/system-reason.ts";
import { MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";
import { SIDES, type Side } from "../proxy/options.ts";
import { decodeGiven, decodeSaved, encodeGiven, encodeSaved, type SavedToken } from "./saved-token.ts";

/** Files kept at most; the oldest go first. Tunnels live 12 h, so this is far above one person's use. */
const MAX_FILES = 1_000;

export interface TokenStoreOptions {
  /** What to type when the directory cannot be used. */
  readonly hint?: string;
  /** Is told of each file that is passed over since it cannot be read or is not what was written. */
  readonly onDamaged?: (error: ConfigError) => void;
}

/**
 * Tokens of this user on disk, directory 0700 and files 0600. A damaged file stands in nobody's way. Methods throw
 * ConfigError naming the path when the directory cannot be used.
 */
export class TokenStore {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #options: TokenStoreOptions;

  constructor(directory: string, now: () => number, options: TokenStoreOptions = {}) {
    this.#directory = directory;
    this.#now = now;
    this.#options = options;
  }

  /** Makes the directory. Called before a tunnel is opened, so that its tokens cannot be lost for want of a place. */
  prepare(): void {
    const { hint } = this.#options;
    claimPrivateDirectory(this.#directory, hint === undefined ? {} : { hint });
    this.#checkWritable();
    this.#prune();
  }

  /** Saves an access token with a fresh client token, in place of an older one of the same side and tunnel. */
  save(token: Omit<SavedToken, "clientToken">): void {
    this.prepare();
    const text = encodeSaved({ ...token, clientToken: new ClientToken(randomUUID()) });
    writePrivateFile(this.#path(token.tunnelId, token.mode), text);
  }

  /** Tokens of one side that have not expired, newest first; without those in damaged files. */
  list(mode: Side): SavedToken[] {
    return this.#files()
      .filter(({ name }) => name.endsWith(`.${mode}.json`))
      .flatMap(({ path }) => this.#read(path, decodeSaved) ?? [])
      .filter(({ expiresAt }) => expiresAt.getTime() > this.#now());
  }

  /** The token of one side of a tunnel, if one is kept that has not expired. */
  find(tunnelId: string, mode: Side): SavedToken | undefined {
    const saved = this.#read(this.#path(tunnelId, mode), decodeSaved);
    return saved?.tunnelId === tunnelId && saved.expiresAt.getTime() > this.#now() ? saved : undefined;
  }

  /** When the token of one side was saved, in milliseconds since 1970; undefined when none is kept. */
  savedAt(tunnelId: string, mode: Side): number | undefined {
    return factsOf(this.#path(tunnelId, mode))?.mtimeMs;
  }

  /** Deletes the token of one side, e.g. after the service refused it; without `mode` those of both sides. */
  delete(tunnelId: string, mode?: Side): void {
    for (const side of mode === undefined ? SIDES : [mode]) remove(this.#path(tunnelId, side));
  }

  /** Deletes what the serve-local of a state directory issued, when it forgets its tunnels. */
  deleteLocal(stateDir: string): void {
    const kept = SIDES.flatMap((mode) => this.#listIfReadable(mode));
    for (const { tunnelId, mode, issuer } of kept) {
      if (issuer.type === "local" && issuer.stateDir === stateDir) this.delete(tunnelId, mode);
    }
  }

  /** Where nothing can be read, nothing was ever written. */
  #listIfReadable(mode: Side): SavedToken[] {
    try {
      return this.list(mode);
    } catch (error) {
      if (error instanceof ConfigError) return [];
      throw error;
    }
  }

  /**
   * The client token for an access token that was given to us and is not saved itself: the same one at every start,
   * kept under the access token's hash until `expiresAt`.
   */
  clientTokenFor(accessToken: AccessToken, expiresAt: Date): ClientToken {
    const path = this.#givenPath(accessToken);
    const known = this.#read(path, decodeGiven);
    // Before anything is written: on a disk that is read-only now it is as good.
    if (known !== undefined && known.expiresAt.getTime() > this.#now()) return known.clientToken;
    this.prepare();
    const clientToken = new ClientToken(randomUUID());
    writePrivateFile(path, encodeGiven({ clientToken, expiresAt }));
    return clientToken;
  }

  /** Deletes the client token kept for an access token that was given to us. */
  forgetClientToken(accessToken: AccessToken): void {
    remove(this.#givenPath(accessToken));
  }

  #checkWritable(): void {
    try {
      accessSync(this.#directory, constants.W_OK | constants.X_OK);
    } catch (cause) {
      const message = `cannot write to directory "${this.#directory}": ${systemReason(cause)}`;
      throw new ConfigError(message, { cause, hint: this.#options.hint });
    }
  }

  /** What a file holds; undefined when there is none, or it is damaged, which is told. */
  #read<T>(path: string, decode: (text: string, path: string) => T): T | undefined {
    try {
      const text = readPrivateFile(path);
      return text === undefined ? undefined : decode(text, path);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#options.onDamaged?.(error);
      return undefined;
    }
  }

  #path(tunnelId: string, mode: Side): string {
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
    for (const [index, file] of files.entries()) {
      if (index >= MAX_FILES - 1 || this.#hasExpired(file)) remove(file.path);
    }
  }

  #hasExpired({ name, path, time }: TokenFile): boolean {
    const decode = name.endsWith(".given.json") ? decodeGiven : decodeSaved;
    const expiresAt = this.#read<{ expiresAt: Date }>(path, decode)?.expiresAt.getTime();
    // A damaged file is of no use to anybody once every tunnel of its time is over.
    return (expiresAt ?? time + MAX_TUNNEL_LIFE_MS) <= this.#now();
  }

  /** Our files, the newest first. */
  #files(): TokenFile[] {
    return this.#names()
      .filter((name) => /\.(source|destination|given)\.json$/.test(name))
      .map((name) => ({ name, path: join(this.#directory, name) }))
      .flatMap((file) => {
        const facts = factsOf(file.path);
        return facts?.isDirectory() ? [] : [{ ...file, time: facts?.mtimeMs ?? 0 }];
      })
      .sort((a, b) => b.time - a.time);
  }

  /** None without a directory. */
  #names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (cause) {
      if (/^(ENOENT|ENOTDIR)$/.test(codeOf(cause))) return [];
      const message = `cannot read directory "${this.#directory}": ${systemReason(cause)}`;
      throw new ConfigError(message, { cause, hint: this.#options.hint });
    }
  }
}

interface TokenFile {
  readonly name: string;
  readonly path: string;
  /** When it was written, in milliseconds since 1970. */
  readonly time: number;
}

function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // in a directory that may not be entered
  }
}

/** A path that cannot even be seen holds nothing that this program would use again. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    if (factsOf(path) === undefined) return;
    throw new ConfigError(`cannot delete "${path}": ${systemReason(cause)}`, { cause });
  }
}
