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
import { invalidFrames } from "../../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame } from "../../../lib/packets/build.ts";
import { groupFilter, multicastFilter, outgoingFilter } from "../../../lib/packets/filters.ts";
import { stimulusFrame } from "../../../lib/packets/stimulus.ts";
import { BARE, NOBODY, SENDER } from "../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const datagram = (size = 80, options: number[] = []) =>
  datagramFrame({ sender: NOBODY, to: TO, payload: new Uint8Array(size), options });

/**
 * How many bytes of a frame a filter keeps; `undefined` if it drops the frame. The kernel runs the
 * filter of a Unix datagram socket by the same code, from the same first byte, without root.
 */
function filtered(filter: Uint8Array<ArrayBuffer>, frame: Uint8Array<ArrayBuffer>) {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  using sender = new OwnedFd(here);
  using receiver = new OwnedFd(there);
  attachFilter(receiver.fd, filter);
  send(sender.fd, frame, 0);
  try {
    return recv(receiver.fd, new Uint8Array(10_000), MSG_DONTWAIT);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

Deno.test("groupFilter() passes datagrams to the group whole, of any port and size", () => {
  for (
    const each of [
      datagram(0),
      datagram(),
      datagram(1472),
      datagram(9000),
      datagram(80, [0x94, 4, 0, 0]),
    ]
  ) {
    assertEquals(filtered(groupFilter(TO, "ethernet"), each), each.length);
  }
});

const SOURCE = { ...TO, source: "192.0.2.77" };

for (const layer of ["ethernet", "ip"] as const) {
  for (const flow of [TO, SOURCE]) {
    const filter = groupFilter(flow, layer);
    const right = () =>
      datagramFrame({ sender: { ...NOBODY, layer }, to: flow, payload: new Uint8Array(80) });
    const how = `${layer}, ${flow === TO ? "any source" : "one source"}`;

    Deno.test(`groupFilter() passes a datagram to the group: ${how}`, () => {
      assertEquals(filtered(filter, right()), right().length);
    });

    // The tag of a VLAN stays in the frame here: only a driver or the network core removes it.
    for (const { name, isFiltered, alter } of invalidFrames(layer, flow === SOURCE)) {
      const outcome = isFiltered ? "drops" : "passes, for the worker to count";
      Deno.test(`groupFilter() ${outcome}: ${name}: ${how}`, () => {
        const invalid = alter(right(), flow);
        assertEquals(filtered(filter, invalid), isFiltered ? undefined : invalid.length);
      });
    }
  }
}

Deno.test("groupFilter() drops a frame with any other byte in the addresses of the group", () => {
  const named = [0, 1, 2, 3, 4, 5, 12, 13, 23, 30, 31, 32, 33];
  for (let at = 0; at < 42; at++) {
    const altered = datagram();
    altered[at] ^= 0x10;
    const expected = named.includes(at) ? undefined : altered.length;
    assertEquals(filtered(groupFilter(TO, "ethernet"), altered), expected, `byte ${at}`);
  }
});

Deno.test("groupFilter() drops a frame that is cut before its destination ends", () => {
  for (let length = 0; length < 34; length++) {
    assertEquals(
      filtered(groupFilter(TO, "ethernet"), datagram().slice(0, length)),
      undefined,
      `${length} bytes`,
    );
  }
  assertEquals(filtered(groupFilter(TO, "ethernet"), datagram().slice(0, 34)), 34);
});

const OURS = [...SENDER.address];
const GROUP_V4 = [0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44], GROUP_V6 = [0x33, 0x33, 0, 0, 0, 1];
const EVERYBODY = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const [IPV4, IPV6, ARP, VLAN, LENGTH] = [[8, 0], [0x86, 0xdd], [8, 6], [0x81, 0], [0, 46]];

const frame = (destination: number[], type: number[], size = 60) =>
  Uint8Array.from([...destination, ...OURS, ...type, ...new Array(size - 14).fill(0x5a)]);
const stimulus = (sequence: number) =>
  stimulusFrame(
    sequence,
    SENDER,
    new Uint8Array(16),
  );

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

for (const [what, bytes, passes] of FRAMES) {
  Deno.test(`multicastFilter("ethernet") ${passes ? "passes whole" : "drops"}: ${what}`, () => {
    assertEquals(filtered(multicastFilter("ethernet"), bytes), passes ? bytes.length : undefined);
  });
}

Deno.test("outgoingFilter() drops what this machine does not send", () => {
  assertEquals(filtered(outgoingFilter(), datagram()), undefined);
});

const bare = (options: number[] = []) =>
  datagramFrame({ sender: BARE, to: TO, payload: new Uint8Array(80), options });
const bareStimulus = (sequence: number) => stimulusFrame(sequence, BARE, new Uint8Array(16));

const PACKETS: [what: string, packet: Uint8Array<ArrayBuffer>, passes: boolean][] = [
  ["the stimulus: UDP over IPv4", bareStimulus(0), true],
  ["the stimulus: IGMP", bareStimulus(1), true],
  ["the stimulus: UDP over IPv6", bareStimulus(2), true],
  ["the first group of IPv4", bare().with(16, 224), true],
  ["the last address below", bare().with(16, 223), false],
  ["the first address above", bare().with(16, 240), false],
  ["IPv6 to one host", bareStimulus(2).with(24, 0xfe), false],
  ["neither IPv4 nor IPv6", bare().with(0, 0x55), false],
  ["cut before the destination", bare().slice(0, 16), false],
  ["an Ethernet frame", stimulus(0), false],
  ["empty", new Uint8Array(0), false],
];

for (const [what, bytes, passes] of PACKETS) {
  Deno.test(`multicastFilter("ip") ${passes ? "passes whole" : "drops"}: ${what}`, () => {
    assertEquals(filtered(multicastFilter("ip"), bytes), passes ? bytes.length : undefined);
  });
}

Deno.test('groupFilter("ip") passes datagrams to the group, and no packet with another byte there', () => {
  const filter = groupFilter(TO, "ip");
  assertEquals(filtered(filter, bare()), 108);
  assertEquals(filtered(filter, bare([0x94, 4, 0, 0])), 112);
  const named = [0, 9, 16, 17, 18, 19];
  for (let at = 0; at < 28; at++) {
    const altered = bare();
    altered[at] ^= 0x10;
    assertEquals(filtered(filter, altered), named.includes(at) ? undefined : 108, `byte ${at}`);
  }
  for (let length = 0; length < 20; length++) {
    assertEquals(filtered(filter, bare().slice(0, length)), undefined, `${length} bytes`);
  }
  assertEquals(filtered(filter, datagram()), undefined);
});
