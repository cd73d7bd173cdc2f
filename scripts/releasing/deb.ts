// The Debian package of the agent: the program with its unit, configuration, user, manual and completions.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import packageJson from "../../package.json" with { type: "json" };
import { unitText } from "../../src/cli/agent/unit-text.ts";
import { writeManPages } from "./man-pages.ts";

const NAME = "tunnel-agent";
const SOURCES = "scripts/debian";
const KIBIBYTE = 1024;
/** All devices share this file, so that they share the number: the agent itself spreads its attempts to connect. */
const RESTART_S = 15;
const GRACE_S = 30;

export interface DebRequest {
  /** The compiled program. */
  readonly program: string;
  readonly architecture: "amd64" | "arm64";
  /** Time of everything in it. */
  readonly date: Date;
  /** Directory of the package. */
  readonly out: string;
  /** `none` saves a minute where nobody carries it anywhere. */
  readonly compression?: "xz" | "none";
}

/** Writes the package and returns its path; the same request gives the same bytes. */
export function buildDeb({ program, architecture, date, out, compression = "xz" }: DebRequest): string {
  const path = join(out, `${NAME}_${packageJson.version}_${architecture}.deb`);
  mkdirSync(out, { recursive: true });
  const root = mkdtempSync(join(out, ".deb-"));
  try {
    fill(root, program);
    writeControl(root, architecture);
    setModes(root);
    const words = ["--root-owner-group", `-Z${compression}`, "--threads-max=2", "--build", root, path];
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(date.getTime() / 1_000) };
    execFileSync("dpkg-deb", words, { env, stdio: ["ignore", "ignore", "inherit"] });
  } finally {
    rmSync(root, { recursive: true });
  }
  return path;
}

/** The unit of the package: the agent of whatever thing /etc/tunnel/agent.env names. */
export function packagedUnit(): string {
  return `${unitText({
    words: ["--thing", `\${THING}`, "--config", "/etc/tunnel/agent.yaml"],
    credentials: [],
    directories: { state: ["tunnel"], logs: [], writable: [], readable: [], user: "tunnel" },
    graceS: GRACE_S,
    restartS: RESTART_S,
    packaged: {
      program: "/usr/bin/tunnel",
      user: "tunnel",
      environmentFile: "/etc/tunnel/agent.env",
      needs: "THING",
      comments: ["Of the package tunnel-agent; to change it: systemctl edit tunnel-agent"],
    },
  })}\n`;
}

function fill(root: string, program: string): void {
  const put = (from: string, to: string) => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    copyFileSync(from, join(root, to));
  };
  put(program, "usr/bin/tunnel");
  put(join(SOURCES, "agent.env"), "etc/tunnel/agent.env");
  put(join(SOURCES, "agent.yaml"), "etc/tunnel/agent.yaml");
  put(join(SOURCES, "sysusers.conf"), `usr/lib/sysusers.d/${NAME}.conf`);
  put("completions/tunnel.bash", "usr/share/bash-completion/completions/tunnel");
  put("completions/_tunnel", "usr/share/zsh/vendor-completions/_tunnel");
  put("completions/tunnel.fish", "usr/share/fish/vendor_completions.d/tunnel.fish");
  put(join(SOURCES, "copyright"), `usr/share/doc/${NAME}/copyright`);
  put("CHANGELOG.md", `usr/share/doc/${NAME}/changelog`);
  compress(join(root, `usr/share/doc/${NAME}/changelog`));
  const manual = join(root, "usr/share/man/man1");
  for (const page of writeManPages(manual)) compress(join(manual, page));
  const units = join(root, "lib/systemd/system");
  mkdirSync(units, { recursive: true });
  writeFileSync(join(units, `${NAME}.service`), packagedUnit());
}

function compress(path: string): void {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  rmSync(path);
}

function writeControl(root: string, architecture: string): void {
  const control = join(root, "DEBIAN");
  mkdirSync(control);
  for (const script of ["postinst", "prerm", "postrm"]) {
    copyFileSync(join(SOURCES, script), join(control, script));
  }
  writeFileSync(join(control, "conffiles"), "/etc/tunnel/agent.env\n/etc/tunnel/agent.yaml\n");
  const fields = {
    Package: NAME,
    Version: packageJson.version,
    Architecture: architecture,
    Maintainer: "The tunnel authors <tunnel@localhost>",
    "Installed-Size": Math.ceil(sizeOf(root) / KIBIBYTE),
    Depends: "libc6 (>= 2.17), systemd | systemd-standalone-sysusers",
    Recommends: "ca-certificates",
    Section: "net",
    Priority: "optional",
    Description: `device agent for AWS IoT secure tunneling
 Waits for notifications of tunnels that are opened for this device, and carries
 TCP services such as SSH through them. The program is the whole of tunnel:
 control plane, proxies, agent and an offline emulator of the service.`,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(control, "control"), lines.join(""));
}

function sizeOf(root: string): number {
  return pathsBelow(root).reduce((sum, path) => sum + statSync(path).size, 0);
}

/** Whatever mask this runs under: programs and scripts can be run, the rest be read. */
function setModes(root: string): void {
  chmodSync(root, 0o755);
  for (const path of pathsBelow(root)) {
    const isRun = /\/usr\/bin\/[^/]+$|\/DEBIAN\/p(ost|re)(inst|rm)$/.test(path);
    chmodSync(path, isRun || statSync(path).isDirectory() ? 0o755 : 0o644);
  }
}

function pathsBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => join(root, path));
}
