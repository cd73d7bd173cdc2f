// The command line of the AWS IoT local proxy 3.3.1, for programs and scripts written for it.

/** One option of the reference proxy. */
export interface ReferenceOption {
  readonly name: string;
  readonly short?: string;
  /** It stands alone; the others take one value. */
  readonly isSwitch?: boolean;
  readonly describe: string;
}

export const REFERENCE_OPTIONS: readonly ReferenceOption[] = [
  { name: "help", short: "h", isSwitch: true, describe: "Show help message" },
  { name: "version", short: "V", isSwitch: true, describe: "Show the version and exit" },
  { name: "access-token", short: "t", describe: "Client access token; better AWSIOT_TUNNEL_ACCESS_TOKEN" },
  { name: "client-token", short: "i", describe: "Client token; without one, one is made and kept" },
  { name: "proxy-endpoint", short: "e", describe: "Data plane as HOST[:PORT], port 443 if none is given" },
  { name: "region", short: "r", describe: "Region of the tunnel; not together with --proxy-endpoint" },
  { name: "source-listen-port", short: "s", describe: "Where to listen: PORT, or SERVICE=PORT,SERVICE=PORT" },
  {
    name: "destination-app",
    short: "d",
    describe: "Where to connect to: PORT, HOST:PORT or a socket's path; SERVICE=… for several",
  },
  { name: "local-bind-address", short: "b", describe: "Local address to listen on, or to connect from" },
  { name: "capath", short: "c", describe: "Directory of CA certificates to trust as well" },
  {
    name: "no-ssl-host-verify",
    short: "k",
    isSwitch: true,
    describe: "INSECURE: check no certificate. Whoever is on the way can take the access token",
  },
  { name: "export-default-settings", describe: "Write the default settings to this file as JSON and exit" },
  { name: "settings-json", describe: "Read fine-grained settings from this JSON file" },
  { name: "config", describe: "Read options from this file, a line NAME=VALUE each; the command line wins" },
  {
    name: "verbose",
    short: "v",
    describe: "0 off, 1 fatal, 2 error, 3 warning, 4 info (default), 5 debug, 6 and above trace",
  },
  { name: "mode", short: "m", describe: "src, source, dst or destination" },
  { name: "destination-client-type", short: "y", describe: "V1 or V2 for an older device; else found out" },
  { name: "config-dir", describe: "Directory of files with lines SERVICE=ENDPOINT" },
];

/** The text of --help. */
export function referenceHelp(): string {
  const rows = REFERENCE_OPTIONS.map(({ name, short, isSwitch, describe }) => {
    const names = short === undefined ? `--${name}` : `-${short} [ --${name} ]`;
    return `  ${`${names}${isSwitch ? "" : " arg"}`.padEnd(38)}${describe}\n`;
  });
  return `Allowed options:\n${rows.join("")}\n`;
}
