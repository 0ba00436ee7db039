/**
 * A witness of what a relay's worker sends: a packet socket that sees every frame that passes an
 * interface, in either direction.
 *
 * The worker's report does not show what it did not do, so the parent looks for itself. A witness
 * counts only if it works, so each is first shown a stray frame that it must report.
 *
 * @module
 */

import {
  ETH_P_IP,
  PACKET_IGNORE_OUTGOING,
  POLLIN,
  SOL_PACKET,
} from "../../../ffi/abi/constants.ts";
import { setsockopt } from "../../../ffi/socket/calls.ts";
import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { pollAsync } from "../../../ffi/socket/poll.ts";
import type { Digest } from "../../harness/digests.ts";
import { outgoingFilter } from "../../packets/filters.ts";
import { summarize } from "../../packets/frames.ts";
import { IPV4_HEADER, IPV4_SOURCE, UDP_SOURCE_PORT } from "../../packets/headers.ts";
import { findPacket, type Interface, type LinkLayer } from "../../packets/link_layer.ts";
import { DatagramReader, datagramsIn } from "./datagrams.ts";
import type { PacketRingSource } from "../../receive/tpacket_v3.ts";
import { formatEndpoint } from "./egress.ts";
import { isStray } from "./elsewhere.ts";
import { WitnessRing } from "./witness_ring.ts";

/** How a witness recognizes the datagrams that may pass. */
export interface ExpectedOutput {
  /** The source of the worker's datagrams, in the form of {@linkcode formatEndpoint}. */
  readonly source: string;
  readonly to: Ipv4Endpoint;
  readonly digest: Digest;
  /** The text of the parent's own control frames. */
  readonly control: string;
}

/** Which frames a witness sees: those that this machine sends, or those that arrive. */
export type Direction = "outgoing" | "incoming";

/** Sees what the worker sends by an interface. */
export class OutputWitness implements Disposable {
  readonly #ring: WitnessRing;
  readonly #layer: LinkLayer;
  readonly #reader: DatagramReader;
  readonly #expected: ExpectedOutput;
  /** The digests of the payloads of the datagrams that may pass, in order. */
  readonly datagrams: string[] = [];
  /** How many control frames have passed. */
  controls = 0;
  /** The worker's other frames, in words. */
  #strays: string[] = [];

  /** @throws {SystemError} If the packet socket cannot be opened or bound there. */
  constructor(link: Interface, direction: Direction, expected: ExpectedOutput) {
    this.#layer = link.layer;
    this.#expected = expected;
    this.#reader = new DatagramReader(expected.to, link.layer);
    this.#ring = direction === "incoming" ? new WitnessRing(link) : new WitnessRing(
      link,
      outgoingFilter(), // the traffic of others on a busy network does not matter
      (fd) => setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 0),
    );
  }

  /** The packet socket: readable when {@linkcode look} would see something. */
  get fd(): number {
    return this.#ring.fd;
  }

  /** How many frames were dropped for lack of room. */
  get lost(): number {
    return this.#ring.lost;
  }

  /** Looks at the frames that have passed. */
  look(): void {
    this.#ring.look(this.#see);
  }

  /** Looks until every frame that has passed by now is seen. */
  settle(): void {
    this.#ring.settle(this.#see);
  }

  /** Returns the worker's stray frames since the last call, in words. */
  takeStrays(): string[] {
    this.look();
    const strays = this.#strays;
    this.#strays = [];
    return strays;
  }

  /**
   * Waits for a control frame: a busy processor may take a moment.
   *
   * @param timeout In milliseconds.
   * @returns How many have passed; 0 after the timeout.
   */
  async awaitControl(timeout: number): Promise<number> {
    await this.#await(() => this.controls > 0, timeout);
    return this.controls;
  }

  /** Waits until something has been seen, and returns whether it has; after the timeout, false. */
  async #await(isSeen: () => boolean, timeout: number): Promise<boolean> {
    for (const deadline = performance.now() + timeout;;) {
      this.look();
      const left = deadline - performance.now();
      if (isSeen() || left <= 0) return isSeen();
      await pollAsync([this.fd], POLLIN, left);
    }
  }

  /** Sorts a frame. Those of the kernel and of others are left out. */
  readonly #see = (frame: Uint8Array, { segmentSize }: PacketRingSource): void => {
    const { source, digest, control } = this.#expected;
    if (isStray(frame, control)) this.controls++;
    else if (isStray(frame)) {
      this.#strays.push(`marked: ${summarize(frame, this.#layer)}`);
    } else if (sourceOf(frame, this.#layer) === source) {
      // The frame has not left this machine, so its checksum may not have been computed yet.
      const reason = this.#reader.read(frame, 0, frame.length, true);
      if (reason !== undefined) {
        this.#strays.push(`${reason}: ${summarize(frame, this.#layer)}`);
        return;
      }
      const { start, size } = this.#reader;
      for (const [from, to] of datagramsIn(start, size, segmentSize)) {
        this.datagrams.push(digest(frame.subarray(from, to)));
      }
    }
  };

  /**
   * Waits for a datagram that was sent on purpose, and takes it out of {@linkcode datagrams}.
   *
   * @param digest The digest of its payload.
   * @param timeout In milliseconds.
   * @returns Whether it came in time.
   */
  async awaitDatagram(digest: string, timeout: number): Promise<boolean> {
    const place = () => this.datagrams.indexOf(digest);
    const isSeen = await this.#await(() => place() !== -1, timeout);
    if (isSeen) this.datagrams.splice(place(), 1);
    return isSeen;
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
  }
}

/**
 * Reads the source of an IPv4 datagram.
 *
 * @returns The endpoint in the form of {@linkcode formatEndpoint}; `undefined` for other frames.
 */
function sourceOf(frame: Uint8Array, layer: LinkLayer): string | undefined {
  const place = findPacket(frame, layer);
  if (place?.etherType !== ETH_P_IP) return undefined;
  const udp = place.start + IPV4_HEADER; // the kernel writes no IPv4 options of its own accord
  if (frame.length < udp + 4) return undefined;
  const source = place.start + IPV4_SOURCE;
  const address = frame.subarray(source, source + 4).join(".");
  const port = udp + UDP_SOURCE_PORT;
  return formatEndpoint({ address, port: frame[port] << 8 | frame[port + 1] });
}
