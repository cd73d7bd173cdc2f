import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestProcess } from "./process.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";

/** A real OpenSSH server on 127.0.0.1 that lets this user in by one key. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** Options for ssh, scp and sftp, but the port: no configuration of this machine, the key, the host key. */
  readonly clientOptions: readonly string[];
}

export async function startSshd(): Promise<Sshd> {
  const dir = tempDir();
  const inDir = (name: string) => join(dir.path, name);
  const makeKey = (name: string) =>
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", inDir(name)]);
  makeKey("host_key");
  makeKey("user_key");
  // Run by root, sshd wants the directory that its service would have made.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const port = await freePort();
  writeFileSync(inDir("config"), configuration(port, inDir));
  const sshd = new TestProcess("/usr/sbin/sshd", ["-D", "-e", "-f", inDir("config")], process.env);
  const stop = async () => {
    await sshd.stop();
    dir[Symbol.dispose]();
  };
  try {
    await sshd.waitForLine(/^Server listening on/, "stderr");
  } catch (error) {
    await stop();
    throw error;
  }
  const user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
  return { port, user, clientOptions: clientOptions(inDir), [Symbol.asyncDispose]: stop };
}

function configuration(port: number, inDir: (name: string) => string): string {
  return `ListenAddress 127.0.0.1:${port}
HostKey ${inDir("host_key")}
AuthorizedKeysFile ${inDir("user_key.pub")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
`;
}

function clientOptions(inDir: (name: string) => string): string[] {
  const options = {
    IdentityFile: inDir("user_key"),
    IdentitiesOnly: "yes",
    BatchMode: "yes",
    UserKnownHostsFile: inDir("known_hosts"),
    StrictHostKeyChecking: "accept-new",
    LogLevel: "ERROR",
  };
  return ["-F", "none", ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}
