/**
 * A fanout group whose members can be left out: which worker's socket a frame goes to is decided by a program of ours.
 *
 * The kernel's own modes (PACKET_FANOUT_HASH, …) deal frames out to every member, and a member leaves only by being closed: what came to it between its
 * last frame and its end is lost. In a group of PACKET_FANOUT_CBPF a classic BPF program says the number of the member, and the
 * supervisor sets it (PACKET_FANOUT_DATA) while frames flow; when the call returns, no processor uses the one before any more (synchronize_net).
 * So a member is left out first, then emptied, and nothing is lost. Source: fanout_demux_bpf in net/packet/af_packet.c.
 *
 * The members' own filters are locked, which also forbids to set the program by them. So the group has a member of its own, the pilot, which
 * is never chosen, and keeps nothing. It joins first, and so is member 0: to which the kernel deals whatever comes while there is no
 * program, and a program those frames that are too short for what it loads. So nobody gets what was not dealt out to him.
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

const known = (what: number) => bpfLoad(SKF_AD_OFF + what);
const network = (offset: number) => bpfLoad(SKF_NET_OFF + offset);

/** A = a number that is the same for all frames of a flow: addresses and ports mixed. Source: RFC 791, 8200, 768. */
const FLOW: readonly BpfInstruction[] = [
  known(SKF_AD_PROTOCOL),
  bpfJumpEqual(ETH_P_IP, 2, 0),
  bpfJumpEqual(ETH_P_IPV6, 8, 0),
  bpfSkip(13), // neither: one flow for each protocol
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

/** What decides, by the name of the kernel's mode that it does the work of. */
export const FANOUT_MODES: { readonly [mode in FanoutMode]: readonly BpfInstruction[] } = {
  // Multiplicative hashing (Knuth, TAOCP 6.4): the upper half of the product depends on every bit.
  hash: [...FLOW, bpfXorWithX, bpfCompute(BPF_MUL, 0x9e3779b1), bpfCompute(BPF_RSH, 16)],
  cpu: [known(SKF_AD_CPU)],
  lb: [known(SKF_AD_RANDOM)],
  qm: [known(SKF_AD_QUEUE)],
};

/** `hash`: all frames of a flow to one worker; `cpu`, `qm`: by the processor or the queue that received it; `lb`: any. */
export type FanoutMode = "hash" | "cpu" | "lb" | "qm";

/** Whether there is a mode of that name. */
export function isFanoutMode(name: string): name is FanoutMode {
  return Object.hasOwn(FANOUT_MODES, name);
}

/** The program that deals frames out to these members. */
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

/** The group. Members are numbered from 1 in the order in which they join, and stay. */
export class FanoutGroup implements Disposable {
  /** What `PACKET_FANOUT` takes, and tells of a member. */
  readonly option: number;
  readonly #mode: FanoutMode;
  readonly #pilot: OwnedFd;
  #members = 0;

  /**
   * Makes it, under a number that no other group of this network namespace has.
   *
   * @param mode What decides.
   * @param ifindex The interface that every member is bound to, for all protocols.
   * @throws {SystemError} If the pilot cannot be opened or bound.
   * @throws {AnswerError} If there is no such group after all.
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
   * Adds a bound socket, which gets nothing before it is routed to.
   *
   * @returns Its number.
   * @throws {SystemError} `ENOSPC` for more than 255, `EALREADY` if it is in a group, `EINVAL` if it is bound otherwise than the group.
   */
  join(packetFd: number): number {
    setsockopt(packetFd, SOL_PACKET, PACKET_FANOUT, this.option);
    return ++this.#members;
  }

  /**
   * Deals frames out to these members from now on, and to no other.
   *
   * @param members Their numbers, one at least.
   * @throws {RangeError} If there is none, or one that has not joined, the pilot among them.
   */
  route(members: readonly number[]): void {
    const strangers = members.filter((each) => each < 1 || each > this.#members);
    if (members.length === 0 || strangers.length > 0) {
      throw new RangeError(
        `Frames go to members 1 to ${this.#members}, one at least, not to [${members.join(", ")}]`,
      );
    }
    const program = fanoutProgram(this.#mode, members);
    setsockopt(this.#pilot.fd, SOL_PACKET, PACKET_FANOUT_DATA, bpfProgram(program));
  }

  /** Closes the pilot. The members are others'. */
  [Symbol.dispose](): void {
    this.#pilot.close();
  }
}
