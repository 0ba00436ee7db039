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
import { groupFilter } from "../../../lib/packets/filters.ts";
import { datagramFrame, INVALID } from "../../../lib/experiments/relay/invalid_frames.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const frame = (size = 80, options: number[] = []) =>
  datagramFrame({ source: new Uint8Array(6), to: TO, payload: new Uint8Array(size), options });

/** What is left of a frame. A datagram socket's filter is run by the same kernel code, from the same first byte, without root. */
function filtered(bytes: Uint8Array<ArrayBuffer>): number | undefined {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  using sender = new OwnedFd(here);
  using receiver = new OwnedFd(there);
  attachFilter(receiver.fd, groupFilter(TO.address));
  send(sender.fd, bytes, 0);
  try {
    return recv(receiver.fd, new Uint8Array(10_000), MSG_DONTWAIT);
  } catch (error) {
    if (error instanceof SystemError && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

Deno.test("groupFilter() lets the whole of a datagram to the group pass, of any port and size", () => {
  for (const each of [frame(0), frame(), frame(1472), frame(9000), frame(80, [0x94, 4, 0, 0])]) {
    assertEquals(filtered(each), each.length);
  }
});

// A VLAN tag is taken out of a frame by what receives from a network; on a Unix socket it is bytes like any other.
for (const { what, isFiltered, of } of INVALID) {
  Deno.test(`groupFilter() ${isFiltered ? "keeps" : "lets pass, to be counted,"}: ${what}`, () => {
    const invalid = of(frame(), TO);
    assertEquals(filtered(invalid), isFiltered ? undefined : invalid.length);
  });
}

Deno.test("groupFilter() keeps a frame in which any byte that names the group is another", () => {
  const named = [0, 1, 2, 3, 4, 5, 12, 13, 23, 30, 31, 32, 33];
  for (let at = 0; at < 42; at++) {
    const altered = frame();
    altered[at] ^= 0x10;
    const expected = named.includes(at) ? undefined : altered.length;
    assertEquals(filtered(altered), expected, `byte ${at}`);
  }
});

Deno.test("groupFilter() keeps a frame that is cut before its destination ends", () => {
  for (let length = 0; length < 34; length++) {
    assertEquals(filtered(frame().slice(0, length)), undefined, `${length} bytes`);
  }
  assertEquals(filtered(frame().slice(0, 34)), 34);
});
