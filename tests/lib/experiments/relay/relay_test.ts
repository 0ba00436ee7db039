import { assert, assertEquals } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  bind,
  connect,
  getsockname,
  inetAddress,
  inetEndpoint,
  MSG_DONTWAIT,
  OwnedFd,
  recv,
  setsockopt,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  socketpair,
  SOL_SOCKET,
  SystemError,
} from "../../../../ffi/mod.ts";
import { auditDescriptors } from "../../../../lib/confine/descriptors.ts";
import type { FrameSource } from "../../../../lib/receive/mod.ts";
import { RelayFrames } from "../../../../lib/experiments/relay/frames.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { datagramsIn } from "../../../../lib/experiments/relay/datagrams.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import { Relay } from "../../../../lib/experiments/relay/relay.ts";
import { NOBODY } from "../../../support/link_ends.ts";

const INVALID_FRAMES = invalidFrames("ethernet");
const FROM = { address: "239.255.70.68", port: 5004 };
const frames = new RelayFrames(NOBODY, FROM, 1472);

/** A frame source that steps through a list. */
class ListSource implements FrameSource {
  #at = -1;

  constructor(readonly list: readonly Uint8Array<ArrayBuffer>[]) {}

  next(): boolean {
    return ++this.#at < this.list.length;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.list[this.#at];
  }

  get captured(): number {
    return this.bytes.length - this.cut;
  }

  get length(): number {
    return this.bytes.length;
  }

  readonly fd = -1;
  readonly offset = 0;
  readonly vlan = undefined;
  segmentSize = 0;
  /** How many bytes of each frame are missing. */
  cut = 0;
  readonly isChecksumPending = false;
  readonly inexpressible = 0;
  wait(): void {}
  timestamp(): undefined {}
  [Symbol.dispose](): void {}
}

/** All that is queued on a socket. */
function queued(fd: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  try {
    for (;;) {
      const buffer = new Uint8Array(4096);
      all.push(buffer.subarray(0, recv(fd, buffer, MSG_DONTWAIT)));
    }
  } catch (error) {
    if (!(error instanceof SystemError && error.code === "EAGAIN")) throw error;
  }
  return all;
}

function pair(): [here: OwnedFd, there: OwnedFd] {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return [new OwnedFd(here), new OwnedFd(there)];
}

Deno.test("Relay relays payloads, and counts other frames by reason", () => {
  const [here, there] = pair();
  using _here = here;
  using _there = there;
  const list = INVALID_FRAMES.flatMap((kind, i) => [frames.invalid(kind), frames.datagram(i)]);
  const relay = new Relay(new ListSource(list), here.fd, FROM, "ethernet");
  const received: Uint8Array[] = [];
  while (relay.turn(5) > 0) received.push(...queued(there.fd)); // a Unix socket holds ten
  const { account } = relay;
  assertEquals(received, INVALID_FRAMES.map((_, i) => frames.payload(i)));
  assertEquals([account.received, account.relayed, account.refused], [48, 24, 0]);
  const expected = Object.entries(Object.groupBy(INVALID_FRAMES, ({ reason }) => reason));
  for (const [reason, kinds] of expected) {
    assertEquals([reason, account.dropped[reason as keyof typeof account.dropped]], [
      reason,
      kinds.length,
    ]);
  }
});

Deno.test("Relay.turn() handles no more frames than it may", () => {
  const [here, there] = pair();
  using _here = here;
  using _there = there;
  const relay = new Relay(
    new ListSource([0, 1, 2, 3, 4].map((i) => frames.datagram(i))),
    here.fd,
    FROM,
    "ethernet",
  );
  assertEquals([relay.turn(2), relay.turn(2), relay.turn(2), relay.turn(2)], [2, 2, 1, 0]);
  assertEquals(relay.account.relayed, 5);
  assertEquals(queued(there.fd).length, 5);
});

Deno.test("Relay gives up a datagram that the output refuses, and continues", () => {
  const [here, there] = pair();
  using _here = here;
  using _there = there;
  const list = Array.from({ length: 12 }, (_, i) => frames.datagram(i));
  const relay = new Relay(new ListSource(list), here.fd, FROM, "ethernet");
  relay.turn(20); // no reader: a Unix socket holds net.unix.max_dgram_qlen + 1
  const { relayed, refused, retried, received } = relay.account;
  assertEquals(relayed + refused, received);
  assertEquals(queued(there.fd).length, relayed);
  assert(refused === 0 || retried >= refused, "each was tried again");
});

Deno.test("Relay counts what is too big for the output, and what was cut, by these reasons", () => {
  const [here, there] = pair();
  using _here = here;
  using _there = there;
  setsockopt(here.fd, SOL_SOCKET, 7, 0); // SO_SNDBUF: the kernel's least is 4608 bytes
  const jumbo = new RelayFrames(NOBODY, FROM, 8972);
  const source = new ListSource([jumbo.datagram(0), frames.datagram(1), jumbo.datagram(0)]);
  const relay = new Relay(source, here.fd, FROM, "ethernet");
  assertEquals(relay.turn(2), 2);
  source.cut = 100;
  assertEquals(relay.turn(2), 1);
  const { relayed, refused, dropped } = relay.account;
  assertEquals([relayed, refused, dropped["too big for the output"], dropped.cut], [1, 0, 1, 1]);
  assertEquals(queued(there.fd), [frames.payload(1)]);
});

for (
  const [size, sizes] of [[0, [2500]], [1000, [1000, 1000, 500]], [1250, [1250, 1250]]] as const
) {
  Deno.test(`Relay divides a datagram of 2500 bytes that was joined from parts of ${size}`, () => {
    const [here, there] = pair();
    using _here = here;
    using _there = there;
    const payload = Uint8Array.from({ length: 2500 }, (_, i) => i * 31 >> 3);
    const source = new ListSource([datagramFrame({ sender: NOBODY, to: FROM, payload })]);
    source.segmentSize = size;
    const relay = new Relay(source, here.fd, FROM, "ethernet");
    assertEquals([relay.turn(1), relay.account.relayed], [1, sizes.length]);
    const received = queued(there.fd);
    assertEquals(received.map(({ length }) => length), [...sizes]);
    assertEquals(Uint8Array.from(received.flatMap((each) => [...each])), payload);
  });
}

Deno.test("datagramsIn() returns one datagram, empty or not, if none were joined", () => {
  assertEquals([...datagramsIn(42, 0, 0)], [[42, 42]]);
  assertEquals([...datagramsIn(42, 0, 100)], [[42, 42]]);
  assertEquals([...datagramsIn(42, 10, 0)], [[42, 52]]);
  assertEquals([...datagramsIn(42, 10, 10)], [[42, 52]]);
});

Deno.test("Relay sends a datagram again if the error was an ICMP error of an earlier one", () => {
  using here = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const gone = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  bind(gone.fd, inetAddress({ address: "127.0.0.1", port: 0 }));
  const name = getsockname(gone.fd);
  gone.close();
  connect(here.fd, name);
  const relay = new Relay(
    new ListSource([0, 1, 2].map((i) => frames.datagram(i))),
    here.fd,
    FROM,
    "ethernet",
  );
  relay.turn(1); // "port unreachable" comes back at once
  using back = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  setsockopt(back.fd, SOL_SOCKET, SO_RCVBUF, 1 << 16);
  bind(back.fd, name);
  relay.turn(2);
  assertEquals(inetEndpoint(name).address, "127.0.0.1");
  assertEquals(queued(back.fd), [frames.payload(1), frames.payload(2)]);
  assertEquals([relay.account.relayed, relay.account.retried, relay.account.refused], [3, 1, 0]);
});

Deno.test("auditDescriptors() explains the egress by its number, and no other UDP socket", () => {
  using egress = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  using other = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const all = auditDescriptors({ channelFd: -1, packetFd: -1, egressFd: egress.fd });
  const why = (fd: number) => all.find((each) => each.fd === fd)?.why;
  assertEquals([why(egress.fd), why(other.fd)], ["the connected UDP socket", undefined]);
});
