// Names, web proxy, TLS and clock.

import { lookup } from "node:dns/promises";
import https from "node:https";
import { isIP, type Socket } from "node:net";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { codeOf } from "../../base/system-reason.ts";
import { isCertificateFailure } from "../../net/failures.ts";
import { openTls } from "../../net/transport.ts";
import { connectThroughProxy } from "../../net/web-proxy-tunnel.ts";
import { webProxyName } from "../../net/web-proxy-url.ts";
import { CONFIGURATION, type Finding, fail, failed, ok, warn } from "./finding.ts";
import { agentOf, type Place, type Site } from "./site.ts";

/** The address of a host. Behind a web proxy a name need not be known here. */
export async function checkDns(check: string, { host, webProxy }: Place): Promise<Finding> {
  const asked = webProxy?.hostname ?? host;
  if (isIP(asked) !== 0) return ok(check, `${asked} is an address`);
  try {
    const { address } = await lookup(asked);
    return ok(
      check,
      `${asked} is ${address}${webProxy === undefined ? "" : ` (the web proxy finds ${host})`}`,
    );
  } catch (error) {
    const what = codeOf(error) === "EAI_AGAIN" ? "the name server does not answer for" : "no address for";
    return fail(
      check,
      `${what} "${asked}"`,
      "check the spelling of region and endpoint, and the name servers in /etc/resolv.conf; behind a web proxy set HTTPS_PROXY",
    );
  }
}

/** Below the doctor's own limit, so that the web proxy's silence is told as such. */
const WEB_PROXY_LIMIT_MS = 8_000;

/** The web proxy, if there is one: that it makes the connections to the places that are behind it. */
export async function checkWebProxy(places: readonly Place[], signal: AbortSignal): Promise<Finding> {
  const routes = places.flatMap((place) =>
    place.webProxy === undefined ? [] : [{ ...place, webProxy: place.webProxy }],
  );
  const [first] = routes;
  if (first === undefined) return ok("web-proxy", "none is used");
  const tries = await Promise.allSettled(routes.map((route) => tryRoute(route, signal)));
  for (const each of tries) if (each.status === "fulfilled") each.value.destroy();
  const failure = tries.find((each) => each.status === "rejected");
  if (failure !== undefined) return failed("web-proxy", failure.reason);
  const targets = [...new Set(routes.map(({ host, port }) => `${host}:${port}`))];
  return ok("web-proxy", `the ${webProxyName(first.webProxy)} connects to ${targets.join(" and ")}`);
}

function tryRoute(route: Place & { readonly webProxy: URL }, signal: AbortSignal): Promise<Socket> {
  return connectThroughProxy({ ...route, limitMs: WEB_PROXY_LIMIT_MS, signal });
}

/** The TLS handshake and the chain of certificates; a failure names the certificate at fault. */
export async function checkTls(
  check: string,
  place: Place,
  signal: AbortSignal,
  alpn?: readonly string[],
): Promise<Finding> {
  const options = { ...place, webProxyLimitMs: WEB_PROXY_LIMIT_MS, signal, ...(alpn && { alpn }) };
  try {
    const socket = await openTls(options);
    const chain = chainOf(socket);
    socket.destroy();
    const [leaf] = chain;
    const until = leaf === undefined ? "" : `, certificate valid until ${dateOf(leaf.valid_to)}`;
    return ok(check, `${place.host}:${place.port}${until}`);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!isCertificateFailure(cause)) return failed(check, error, "check the network and the firewall");
    const socket = await openTls({ ...options, isUnverified: true });
    const chain = chainOf(socket);
    socket.destroy();
    return certificateFinding(check, place, chain, cause);
  }
}

/** From the server's own certificate up, as far as the server sent them. */
function chainOf(socket: TLSSocket): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (
    next?.fingerprint256 !== undefined &&
    !chain.some((known) => known.fingerprint256 === next?.fingerprint256)
  ) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

const CLOCK_FIX = "check the clock of this machine; if it is right, whoever runs the server has to renew it";

function certificateFinding(
  check: string,
  { host }: Place,
  chain: readonly DetailedPeerCertificate[],
  cause: unknown,
): Finding {
  const now = Date.now();
  const expired = chain.find(({ valid_to }) => Date.parse(valid_to) < now);
  if (expired !== undefined) {
    const message = `the certificate ${nameOf(expired.subject)} expired on ${dateOf(expired.valid_to)}`;
    return fail(check, message, CLOCK_FIX);
  }
  const early = chain.find(({ valid_from }) => Date.parse(valid_from) > now);
  if (early !== undefined) {
    const message = `the certificate ${nameOf(early.subject)} is valid only from ${dateOf(early.valid_from)}`;
    return fail(check, message, CLOCK_FIX);
  }
  const code = `${codeOf(cause)} ${cause instanceof Error ? cause.message : ""}`;
  const [leaf] = chain;
  if (/ALTNAME|altnames|does not match|Hostname/i.test(code)) {
    const names = leaf?.subjectaltname ?? nameOf(leaf?.subject);
    return fail(
      check,
      `the certificate is for ${names}, not for ${host}`,
      "correct the endpoint's name",
      CONFIGURATION,
    );
  }
  const last = chain.at(-1);
  return fail(
    check,
    `not trusted: the certificate ${nameOf(leaf?.subject)} was issued by ${nameOf(last?.issuer)}, which is not among the known roots`,
    "name that authority's certificate with --ca FILE; if a web proxy of yours opens TLS, it is the proxy's authority",
    CONFIGURATION,
  );
}

function nameOf(subject: DetailedPeerCertificate["subject"] | undefined): string {
  const { CN, O } = (subject ?? {}) as { CN?: string | string[]; O?: string | string[] };
  return `"${[CN ?? O ?? "without a name"].flat().join(", ")}"`;
}

function dateOf(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

/** Beyond this a signature may be refused; how much is allowed differs between services of AWS. */
const MAX_SKEW_MS = 5 * 60_000;
const NOTABLE_SKEW_MS = 60_000;
const NTP_FIX = "set the clock, e.g. timedatectl set-ntp true";

/** Our clock against the control plane's Date header. */
export async function checkClock(site: Site, signal: AbortSignal): Promise<Finding> {
  const { host, port } = site.controlPlane;
  const agent = agentOf(site);
  try {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const request = https.request(
      { host, port, path: "/", method: "GET", agent, signal, servername: isIP(host) === 0 ? host : "" },
      (response) => {
        response.resume();
        resolve(response.headers.date);
      },
    );
    request.on("error", reject);
    const startedAt = Date.now();
    request.end();
    const theirs = Date.parse((await promise) ?? "");
    return clockFinding(theirs - (startedAt + Date.now()) / 2);
  } catch {
    return { ...warn("clock", "not compared: the control plane does not answer"), verdict: "unknown" };
  } finally {
    agent.destroy();
  }
}

/** @param skewMs the service's time minus ours; the header counts whole seconds. */
function clockFinding(skewMs: number): Finding {
  if (Number.isNaN(skewMs)) {
    return { ...warn("clock", "not compared: the control plane says no time"), verdict: "unknown" };
  }
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  const text = `this clock is ${seconds} s ${skewMs > 0 ? "behind" : "ahead of"} the service's`;
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    return fail("clock", `${text}; signatures of such a clock may be refused`, NTP_FIX, CONFIGURATION);
  }
  if (Math.abs(skewMs) > NOTABLE_SKEW_MS) return warn("clock", text, NTP_FIX);
  return ok("clock", `within ${Math.max(1, seconds)} s of the service's`);
}
