/**
 * A fanout group that can leave a member out: our own program chooses the socket of each frame.
 *
 * In the kernel's own modes (PACKET_FANOUT_HASH and others) every member gets frames until it is
 * closed, and the frames between its last read and the close are lost. In a group of mode
 * PACKET_FANOUT_CBPF a classic BPF program returns the number of the member, and the supervisor may
 * replace it (PACKET_FANOUT_DATA) while frames arrive. When that call returns, no processor runs
 * the old program any more (synchronize_net). So a member is first left out and then emptied, and
 * no frame is lost. Source: fanout_demux_bpf in net/packet/af_packet.c.
 *
 * The members' own filters are locked, and a locked socket may not set the group's program either.
 * So the group has a member of its own for that, the pilot. It is never chosen, and its filter
 * drops everything. It joins first and therefore is member 0. The kernel gives member 0 every frame
 * while there is no program, and every frame that is too short for the program's loads. So no
 * worker gets a frame that was not routed to it.
 *
 * @module
 */

import {
  BPF_MOD,
  BPF_MUL,
  BPF_RSH,
  ETH_P_ALL,
  ETH_P_IP,
  ETH_P_IPV6,
  PACKET_FANOUT,
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_DATA,
  SKF_AD_CPU,
  SKF_AD_OFF,
  SKF_AD_PROTOCOL,
  SKF_AD_QUEUE,
  SKF_AD_RANDOM,
  SKF_NET_OFF,
  SOL_PACKET,
} from "../../../ffi/abi/constants.ts";
import {
  assemble,
  attachFilter,
  bpfCompute,
  type BpfInstruction,
  bpfJumpEqual,
  bpfKeepInX,
  bpfLoad,
  bpfProgram,
  bpfReturn,
  bpfSkip,
  bpfXorWithX,
} from "../../../ffi/packet/bpf.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { setsockopt } from "../../../ffi/socket/calls.ts";
import { beginFanoutGroup, boundPacketSocket } from "../../packets/socket.ts";

/** Loads a property of the frame from the kernel (SKF_AD_…), or a word of the network packet. */
const ancillary = (field: number) => bpfLoad(SKF_AD_OFF + field);
const network = (offset: number) => bpfLoad(SKF_NET_OFF + offset);

/**
 * Sets A to a number that is the same for all frames of a flow: addresses and ports, mixed.
 * Source: RFC 791, RFC 8200, RFC 768.
 */
const FLOW: readonly BpfInstruction[] = [
  ancillary(SKF_AD_PROTOCOL),
  bpfJumpEqual(ETH_P_IP, 2, 0),
  bpfJumpEqual(ETH_P_IPV6, 8, 0),
  bpfSkip(13), // any other protocol is one flow
  network(12), // IPv4: source address
  bpfKeepInX,
  network(16), // destination address
  bpfXorWithX,
  bpfKeepInX,
  network(20), // ports, if there are no options
  bpfSkip(6),
  network(20), // IPv6: the end of the source address
  bpfKeepInX,
  network(36), // of the destination address
  bpfXorWithX,
  bpfKeepInX,
  network(40), // ports, if there are no extension headers
];

/** How each mode computes the number that chooses a member. */
export const FANOUT_MODES: { readonly [mode in FanoutMode]: readonly BpfInstruction[] } = {
  // Multiplicative hashing (Knuth, TAOCP 6.4): the upper half of the product depends on every bit.
  hash: [...FLOW, bpfXorWithX, bpfCompute(BPF_MUL, 0x9e3779b1), bpfCompute(BPF_RSH, 16)],
  cpu: [ancillary(SKF_AD_CPU)],
  lb: [ancillary(SKF_AD_RANDOM)],
  qm: [ancillary(SKF_AD_QUEUE)],
};

/**
 * How the member of a frame is chosen, by the names of the kernel's modes. `hash`: one member for
 * each flow. `cpu`, `qm`: by the processor or the queue that received the frame. `lb`: at random.
 */
export type FanoutMode = "hash" | "cpu" | "lb" | "qm";

/** Whether there is a mode with this name. */
export function isFanoutMode(name: string): name is FanoutMode {
  return Object.hasOwn(FANOUT_MODES, name);
}

/** Returns the program that shares frames among these members. */
export function fanoutProgram(
  mode: FanoutMode,
  members: readonly number[],
): Uint8Array<ArrayBuffer> {
  const choices = members.slice(0, -1).flatMap((member, i) => [
    bpfJumpEqual(i, 0, 1),
    bpfReturn(member),
  ]);
  return assemble([
    ...FANOUT_MODES[mode],
    bpfCompute(BPF_MOD, members.length),
    ...choices,
    bpfReturn(members.at(-1)!),
  ]);
}

/** The group. Members are numbered from 1 in the order in which they join; no number is reused. */
export class FanoutGroup implements Disposable {
  /** The value of the socket option `PACKET_FANOUT` of every member. */
  readonly option: number;
  readonly #mode: FanoutMode;
  readonly #pilot: OwnedFd;
  #members = 0;

  /**
   * Creates the group under a number that no other group of this network namespace has.
   *
   * @param mode How the member of a frame is chosen.
   * @param ifindex The interface that every member is bound to, with protocol ETH_P_ALL.
   * @throws {SystemError} If the pilot cannot be opened or bound.
   * @throws {AnswerError} If the kernel reports success, but the pilot is in no such group.
   */
  constructor(mode: FanoutMode, ifindex: number) {
    this.#mode = mode;
    this.#pilot = boundPacketSocket(ifindex, ETH_P_ALL);
    try {
      attachFilter(this.#pilot.fd, assemble([bpfReturn(0)]));
      this.option = beginFanoutGroup(this.#pilot.fd, PACKET_FANOUT_CBPF);
    } catch (error) {
      this.#pilot.close();
      throw error;
    }
  }

  /**
   * Adds a bound socket. It gets no frame before {@linkcode route} names it.
   *
   * @returns The member's number.
   * @throws {SystemError} `ENOSPC` after 255 members, `EALREADY` if the socket is in a group
   * already, `EINVAL` if its interface or protocol is not the group's.
   */
  join(packetFd: number): number {
    setsockopt(packetFd, SOL_PACKET, PACKET_FANOUT, this.option);
    return ++this.#members;
  }

  /**
   * Shares frames among these members from now on; no other member gets any.
   *
   * @param members Their numbers, at least one.
   * @throws {RangeError} If the list is empty, or a number is the pilot's or of no member.
   * @throws {SystemError} If the kernel refuses the program.
   */
  route(members: readonly number[]): void {
    const unknown = members.filter((each) => each < 1 || each > this.#members);
    if (members.length === 0 || unknown.length > 0) {
      throw new RangeError(
        `Frames go to at least one of members 1 to ${this.#members}, not to [${
          members.join(", ")
        }]`,
      );
    }
    const program = fanoutProgram(this.#mode, members);
    setsockopt(this.#pilot.fd, SOL_PACKET, PACKET_FANOUT_DATA, bpfProgram(program));
  }

  /** Closes the pilot. The members stay open. */
  [Symbol.dispose](): void {
    this.#pilot.close();
  }
}
