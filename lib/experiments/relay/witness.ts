/**
 * A witness of what a relay's worker sends: a packet socket that sees every frame that passes an interface, in either direction.
 *
 * The worker's word is not enough for what it did not do. A witness is worth something only if it has been seen to see, so each is shown a
 * frame first that it must report.
 *
 * @module
 */

import {
  ETH_HLEN,
  ETH_P_ALL,
  ETH_P_IP,
  PACKET_IGNORE_OUTGOING,
  SO_RCVBUFFORCE,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { setsockopt } from "../../../ffi/socket/calls.ts";
import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { inEndpointWords } from "./egress.ts";
import { isMarked } from "./elsewhere.ts";
import { DatagramReader } from "../../packets/datagrams.ts";
import { etherType, summarize } from "../../packets/frames.ts";
import { takeFrame } from "../../packets/queue.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import type { Digest } from "../../harness/digests.ts";

/** What it is told of the datagrams that may pass. */
export interface Expected {
  /** The endpoint of the worker's UDP socket, as {@linkcode inEndpointWords} has it. */
  readonly source: string;
  readonly to: Ipv4Endpoint;
  readonly digest: Digest;
}

/** Enough for a window of the longest frames, many times. */
const RECEIVE_BUFFER = 8 << 20;

/** Sees what passes an interface. */
export class Witness implements Disposable {
  readonly #socket: OwnedFd;
  readonly #reader: DatagramReader;
  readonly #expected: Expected;
  /** The digests of the payloads of those datagrams that may pass, in their order. */
  readonly datagrams: string[] = [];
  /** What else the worker sent, in words. */
  #strays: string[] = [];
  /** Frames that are not the worker's: the kernel's own, and others' traffic. */
  others = 0;

  /** @throws {SystemError} If the packet socket cannot be opened or bound there. */
  constructor(link: Link, expected: Expected) {
    this.#expected = expected;
    this.#reader = new DatagramReader(expected.to);
    this.#socket = boundPacketSocket(link.ifindex, ETH_P_ALL);
    setsockopt(this.#socket.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 0);
    setsockopt(this.#socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
  }

  /** What poll(2) finds readable when {@linkcode look} would see something. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Looks at whatever has passed. */
  look(): void {
    for (let frame = takeFrame(this.fd); frame !== undefined; frame = takeFrame(this.fd)) {
      this.#see(frame.head);
    }
  }

  /** Whatever the worker sent besides, since the last time that it was asked for. */
  takeStrays(): string[] {
    this.look();
    const strays = this.#strays;
    this.#strays = [];
    return strays;
  }

  #see(frame: Uint8Array): void {
    const { source, digest } = this.#expected;
    if (isMarked(frame)) {
      this.#strays.push(`marked: ${summarize(frame)}`);
    } else if (sourceOf(frame) !== source) {
      this.others++;
    } else {
      // The checksum is computed by the receiver, if at all, since the frame has not left this machine.
      const reason = this.#reader.read(frame, 0, frame.length, true);
      const { start, size } = this.#reader;
      if (reason === undefined) this.datagrams.push(digest(frame.subarray(start, start + size)));
      else this.#strays.push(`${reason}: ${summarize(frame)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const IPV4_WITH_PORTS = ETH_HLEN + 20 + 4; // a header without options: the kernel writes none by itself

/** Where an IPv4 datagram comes from, as {@linkcode inEndpointWords} has it; `undefined` for any other frame. */
function sourceOf(frame: Uint8Array): string | undefined {
  if (etherType(frame) !== ETH_P_IP || frame.length < IPV4_WITH_PORTS) return undefined;
  const address = frame.subarray(ETH_HLEN + 12, ETH_HLEN + 16).join(".");
  return inEndpointWords({ address, port: frame[ETH_HLEN + 20] << 8 | frame[ETH_HLEN + 21] });
}
