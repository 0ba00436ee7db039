/**
 * The options of the relay experiment: where it takes datagrams from, and where it sends them.
 *
 * @module
 */

import { ipv4Bytes, type Ipv4Endpoint, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { UsageError } from "../../evidence/errors.ts";
import type { ExperimentOptions } from "../../harness/options.ts";
import { findLink, requireCarrier, requireUp } from "../../host/interfaces.ts";
import { asInterface, type Interface } from "../../packets/link_layer.ts";

/** The options as they are on the command line. */
export interface RelayOptions {
  /** `GROUP:PORT` or `SOURCE@GROUP:PORT`. */
  readonly from: string;
  /** `GROUP:PORT`. */
  readonly to: string;
  /** The interface to send by; `undefined` for a veth pair that the experiment creates. */
  readonly out: string | undefined;
}

/** The defaults: groups of the site-local scope, RFC 2365. */
export const RELAY_DEFAULTS: RelayOptions = {
  from: "239.255.70.68:5004",
  to: "239.255.70.69:5005",
  out: undefined,
};

/** The options after validation. */
export interface RelaySetting {
  readonly from: Ipv4Flow;
  readonly to: Ipv4Endpoint;
  /** `undefined` for a veth pair to the network namespace of the experiment's own receiver. */
  readonly out: Interface | undefined;
}

/** The options of the relay. */
export const relayOptions: ExperimentOptions<RelaySetting, RelayOptions> = {
  names: ["from", "to", "out"],
  parse: (value) => ({
    from: value("from") ?? RELAY_DEFAULTS.from,
    to: value("to") ?? RELAY_DEFAULTS.to,
    out: value("out"),
  }),
  find({ from, to, out }, link) {
    const relay = {
      from: parseFlow("--from", from),
      to: parseEndpoint("--to", to),
      out: out === undefined
        ? undefined
        : asInterface(findLink(out, "--out:", "Cannot send through")),
    };
    refuseLoop(relay, link);
    return relay;
  },
  require({ out }) {
    if (out === undefined) return;
    requireUp(out, "no datagram can be sent");
    requireCarrier(out, "no datagram can be sent");
  },
};

/** Whether a group is of the source-specific range, 232.0.0.0/8. Source: RFC 4607, 1. */
export function isSourceSpecific({ address }: Ipv4Endpoint): boolean {
  return address.startsWith("232.");
}

/**
 * Reads a group and a port, and before them the source whose datagrams are wanted, if only one is.
 *
 * @param option The name of the option, for the error.
 * @throws {UsageError} As {@linkcode parseEndpoint}; and if the source is no single host, or the
 *   group is of the source-specific range and the source is missing.
 */
export function parseFlow(option: string, text: string): Ipv4Flow {
  const at = text.lastIndexOf("@");
  const endpoint = parseEndpoint(option, text.slice(at + 1));
  if (at !== -1) return { ...endpoint, source: parseSource(option, text.slice(0, at)) };
  if (!isSourceSpecific(endpoint)) return endpoint;
  throw new UsageError(
    `${option}: ${endpoint.address} is in the source-specific range (232.0.0.0/8, RFC 4607), ` +
      `where a receiver names the source: SOURCE@GROUP:PORT, such as 192.0.2.1@${text}`,
  );
}

function parseSource(option: string, text: string): string {
  const bytes = ipv4Bytes(text);
  const isHost = bytes !== undefined && bytes[0] !== 0 && bytes[0] !== 127 && bytes[0] < 224;
  if (isHost) return text;
  throw new UsageError(
    `${option}: the source ${JSON.stringify(text)} is not the IPv4 address of a host`,
  );
}

/**
 * Reads a group and a port.
 *
 * @param option The name of the option, for the error.
 * @throws {UsageError} If the text is not `GROUP:PORT`, or a relay cannot serve that group.
 */
export function parseEndpoint(option: string, text: string): Ipv4Endpoint {
  const quoted = JSON.stringify(text);
  const [, address, port] = text.match(/^(.*):([^:]*)$/s) ?? [];
  if (address === undefined) {
    throw new UsageError(
      `${option}: must be GROUP:PORT, such as 239.255.70.68:5004, not ${quoted}`,
    );
  }
  const bytes = ipv4Bytes(address);
  if (bytes === undefined && /:/.test(address)) {
    throw new UsageError(
      `${option}: ${quoted}: IPv6 is not relayed; name an IPv4 group, such as 239.255.70.68`,
    );
  }
  if (bytes === undefined) {
    throw new UsageError(`${option}: ${JSON.stringify(address)} is not an IPv4 address`);
  }
  if (bytes[0] >> 4 !== 0xe) {
    throw new UsageError(
      `${option}: ${address} is not a multicast group from 224.0.1.0 to 239.255.255.255`,
    );
  }
  if (bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0) {
    // RFC 5771, 4: no router may forward these at any TTL. RFC 4541, 2.1.2: switches flood them.
    throw new UsageError(
      `${option}: ${address} is link-local (224.0.0.0/24) and must not be relayed`,
    );
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw new UsageError(
      `${option}: the port must be from 1 to 65535, not ${JSON.stringify(port)}`,
    );
  }
  return { address, port: Number(port) };
}

/**
 * Refuses options with which sent datagrams would come back and be relayed again.
 *
 * @param link The interface that the relay receives from.
 * @throws {UsageError} If they would.
 */
export function refuseLoop({ from, to, out }: RelaySetting, link: Link): void {
  if (out === undefined) return;
  if (out.loopback) {
    throw new UsageError(
      `--out: datagrams sent by "${out.name}" come back to this machine; ` +
        "name an interface that leads elsewhere",
    );
  }
  const isSame = from.address === to.address && from.port === to.port;
  if (isSame && (out.ifindex === link.ifindex || out.ifindex === link.peer)) {
    const where = out.ifindex === link.ifindex ? "the interface" : "the veth peer of the interface";
    throw new UsageError(
      `--out: ${from.address}:${from.port} would be relayed back through ${where} that it comes from: ` +
        `a loop; name another group with --to, or another interface with --out`,
    );
  }
}
