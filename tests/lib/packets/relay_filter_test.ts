import { assertEquals } from "@std/assert";
import {
  AF_UNIX,
  attachFilter,
  MSG_DONTWAIT,
  OwnedFd,
  recv,
  send,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socketpair,
  SystemError,
} from "../../../ffi/mod.ts";
import { relayFilter } from "../../../lib/packets/relay_filter.ts";
import { stimulusFrame } from "../../../lib/packets/stimulus.ts";

const OURS = [0x02, 0, 0, 0, 0, 1];
const GROUP_V4 = [0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44], GROUP_V6 = [0x33, 0x33, 0, 0, 0, 1];
const EVERYBODY = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const [IPV4, IPV6, ARP, VLAN, LENGTH] = [[8, 0], [0x86, 0xdd], [8, 6], [0x81, 0], [0, 46]];

const frame = (destination: number[], type: number[], size = 60) =>
  Uint8Array.from([...destination, ...OURS, ...type, ...new Array(size - 14).fill(0x5a)]);
const stimulus = (sequence: number) =>
  stimulusFrame(sequence, Uint8Array.from(OURS), new Uint8Array(16));

const FRAMES: [what: string, frame: Uint8Array<ArrayBuffer>, passes: boolean][] = [
  ["the stimulus: UDP over IPv4", stimulus(0), true],
  ["the stimulus: IGMP", stimulus(1), true],
  ["the stimulus: UDP over IPv6", stimulus(2), true],
  ["IPv4 to a group", frame(GROUP_V4, IPV4), true],
  ["IPv6 to a group", frame(GROUP_V6, IPV6), true],
  ["as long as a jumbo frame", frame(GROUP_V4, IPV4, 9018), true],
  ["no more than a header", frame(GROUP_V6, IPV6, 14), true],
  ["IPv4 to the group of all", frame(EVERYBODY, IPV4), true],
  ["IPv4 to one host", frame(OURS, IPV4), false],
  ["IPv6 to one host", frame(OURS, IPV6), false],
  ["a group bit elsewhere than in the first byte", frame([0xfe, 1, 1, 1, 1, 1], IPV4), false],
  ["ARP", frame(EVERYBODY, ARP), false],
  ["IPv4 behind a VLAN tag", frame(GROUP_V4, [...VLAN, 0, 1, ...IPV4]), false],
  ["IEEE 802.3, with a length for a type", frame(GROUP_V4, LENGTH), false],
  ["IPv4 with its bytes swapped", frame(GROUP_V4, [0, 8]), false],
  ["cut within the type", frame(GROUP_V4, IPV4).slice(0, 13), false],
  ["cut within the address", frame(GROUP_V4, IPV4).slice(0, 1), false],
  ["empty", new Uint8Array(0), false],
];

/** What is left of a frame. A datagram socket's filter is run by the same kernel code, from the same first byte, without root. */
function filtered(bytes: Uint8Array<ArrayBuffer>): number | undefined {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  using sender = new OwnedFd(here);
  using receiver = new OwnedFd(there);
  attachFilter(receiver.fd, relayFilter());
  send(sender.fd, bytes, 0);
  try {
    return recv(receiver.fd, new Uint8Array(10_000), MSG_DONTWAIT);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

for (const [what, bytes, passes] of FRAMES) {
  Deno.test(`relayFilter() ${passes ? "lets the whole of it pass" : "drops it"}: ${what}`, () => {
    assertEquals(filtered(bytes), passes ? bytes.length : undefined);
  });
}
