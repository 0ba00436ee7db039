/**
 * Where a relay takes datagrams from, where it sends them, and what is no relay at all.
 *
 * @module
 */

import { ipv4Bytes, type Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { UsageError } from "../../evidence/errors.ts";
import type { ExperimentOptions } from "../../harness/options.ts";
import { findLink, requireUp } from "../../harness/setting.ts";

/** What a relay is asked for, as the command line has it. */
export interface RelayOptions {
  /** `GROUP:PORT`. */
  readonly from: string;
  /** `GROUP:PORT`. */
  readonly to: string;
  /** The interface to send by; `undefined` for one that the experiment makes itself. */
  readonly out: string | undefined;
}

/** What it is asked for if nothing is said of it: groups of the site-local scope, RFC 2365. */
export const RELAY_DEFAULTS: RelayOptions = {
  from: "239.255.70.68:5004",
  to: "239.255.70.69:5005",
  out: undefined,
};

/** What a relay is for. */
export interface RelaySetting {
  readonly from: Ipv4Endpoint;
  readonly to: Ipv4Endpoint;
  /** `undefined` for a veth pair to a namespace of a receiver's own. */
  readonly out: Link | undefined;
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
      from: parseEndpoint("--from", from),
      to: parseEndpoint("--to", to),
      out: out === undefined ? undefined : findLink(out, "--out:", "Cannot send by"),
    };
    refuseLoop(relay, link);
    return relay;
  },
  require({ out }) {
    if (out !== undefined) requireUp(out, "no datagram can be sent");
  },
};

/**
 * A group and a port.
 *
 * @param option The option that has them, for the error.
 * @throws {UsageError} If the text names none that a relay could serve.
 */
export function parseEndpoint(option: string, text: string): Ipv4Endpoint {
  const quoted = JSON.stringify(text);
  const [, address, port] = text.match(/^(.*):([^:]*)$/s) ?? [];
  if (address === undefined) {
    throw new UsageError(
      `${option}: GROUP:PORT is wanted, such as 239.255.70.68:5004, not ${quoted}`,
    );
  }
  const bytes = ipv4Bytes(address);
  if (bytes === undefined && /:/.test(address)) {
    throw new UsageError(
      `${option}: ${quoted}: IPv6 is not relayed; an IPv4 group is wanted, such as 239.255.70.68`,
    );
  }
  if (bytes === undefined) {
    throw new UsageError(`${option}: ${JSON.stringify(address)} is no IPv4 address`);
  }
  if (bytes[0] >> 4 !== 0xe) {
    throw new UsageError(
      `${option}: ${address} is no multicast group: 224.0.1.0 to 239.255.255.255 is wanted`,
    );
  }
  if (bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0) {
    // RFC 5771, 4: "not to be forwarded" by any router, whatever the TTL; RFC 4541, 2.1.2: nor can it be left.
    throw new UsageError(
      `${option}: ${address} belongs to the link alone (224.0.0.0/24) and must not be relayed`,
    );
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535) {
    throw new UsageError(
      `${option}: a port from 1 to 65535 is wanted, not ${JSON.stringify(port)}`,
    );
  }
  return { address, port: Number(port) };
}

/**
 * Makes sure that what is sent does not come back to be relayed again.
 *
 * @param link The interface that is received from.
 * @throws {UsageError} If it would.
 */
export function refuseLoop({ from, to, out }: RelaySetting, link: Link): void {
  if (out === undefined) return;
  if (out.loopback) {
    throw new UsageError(
      `--out: what is sent by "${out.name}" comes back to this machine; name an interface that leads elsewhere`,
    );
  }
  const isSame = from.address === to.address && from.port === to.port;
  if (isSame && (out.ifindex === link.ifindex || out.ifindex === link.peer)) {
    const where = out.ifindex === link.ifindex ? "the interface" : "the veth peer of the interface";
    throw new UsageError(
      `--out: ${from.address}:${from.port} would be relayed to itself by ${where} that it comes from: a loop; ` +
        `name another group with --to, or another interface with --out`,
    );
  }
}
