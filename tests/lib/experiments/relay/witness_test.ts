import { assertEquals } from "@std/assert";
import { ETH_P_ALL, type OwnedFd, poll, POLLIN, virtio_net_hdr } from "../../../../ffi/mod.ts";
import { enableOffloadHeader } from "../../../../lib/packets/offload_header.ts";
import { newControlText, strayFrame } from "../../../../lib/experiments/relay/elsewhere.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { type Direction, OutputWitness } from "../../../../lib/experiments/relay/witness.ts";
import { datagramFrame, joined } from "../../../../lib/packets/build.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { testNeeding } from "../../../support/needs.ts";
import { interfaceByName, NOBODY } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const SOURCE = "192.0.2.1:5004"; // of every frame that we build
const CONTROL = "fdpass-control-0123";
const digest = (bytes: Uint8Array) => bytes.toHex();
const datagram = (...payload: number[]) =>
  datagramFrame({ sender: NOBODY, to: TO, payload: Uint8Array.from(payload) });

/** A witness at `lo`, and a socket that sends by it. */
function both(
  source = SOURCE,
  direction: Direction = "outgoing",
): [witness: OutputWitness, sender: OwnedFd] {
  const lo = interfaceByName("lo");
  const witness = new OutputWitness(lo, direction, { source, to: TO, digest, control: CONTROL });
  return [witness, boundPacketSocket(lo.ifindex, ETH_P_ALL)];
}

/** Lets the witness look until it has seen this many frames, for at most five seconds. */
function until(witness: OutputWitness, isDone: () => boolean): void {
  for (const deadline = performance.now() + 5000; !isDone() && performance.now() < deadline;) {
    poll([witness.fd], POLLIN, 100);
    witness.look();
  }
}

for (const direction of ["outgoing", "incoming"] as const) {
  testNeeding(
    { root: true },
    `OutputWitness keeps the payloads of the expected datagrams, in order, ${direction}`,
    () => {
      const [witness, sender] = both(SOURCE, direction);
      using _witness = witness;
      using _sender = sender;
      for (const payload of [1, 2, 3]) sendFrame(sender.fd, datagram(payload));
      // On `lo` each frame passes twice, out and in again: in each direction once.
      until(witness, () => witness.datagrams.length >= 3);
      witness.settle();
      assertEquals(witness.datagrams, ["01", "02", "03"]);
      assertEquals([witness.takeStrays(), witness.lost], [[], 0]);
    },
  );
}

testNeeding({ root: true }, "OutputWitness counts joined datagrams as they were sent", () => {
  const [witness, sender] = both();
  using _witness = witness;
  using _sender = sender;
  enableOffloadHeader(sender.fd);
  const payload = Uint8Array.from({ length: 250 }, (_, i) => i);
  const frame = datagramFrame({ sender: NOBODY, to: TO, payload });
  const header = virtio_net_hdr.alloc();
  header.flags = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM of linux/virtio_net.h
  header.gso_type = 5; // VIRTIO_NET_HDR_GSO_UDP_L4
  header.hdr_len = frame.length - payload.length;
  header.gso_size = 100;
  header.csum_start = 34;
  header.csum_offset = 6;
  sendFrame(sender.fd, joined(header.bytes, frame));
  until(witness, () => witness.datagrams.length >= 3);
  witness.settle();
  const parts = [payload.slice(0, 100), payload.slice(100, 200), payload.slice(200)];
  assertEquals([witness.datagrams, witness.takeStrays()], [parts.map(digest), []]);
});

testNeeding(
  { root: true },
  "OutputWitness.awaitDatagram() takes out the one that it awaits",
  async () => {
    const [witness, sender] = both();
    using _witness = witness;
    using _sender = sender;
    assertEquals(await witness.awaitDatagram("02", 0), false);
    for (const payload of [1, 2, 3]) sendFrame(sender.fd, datagram(payload));
    assertEquals(await witness.awaitDatagram("02", 5000), true);
    until(witness, () => witness.datagrams.length >= 2);
    assertEquals(witness.datagrams, ["01", "03"]);
  },
);

testNeeding(
  { root: true },
  "OutputWitness reports the worker's other frames, once, with the reason",
  () => {
    const [witness, sender] = both();
    using _witness = witness;
    using _sender = sender;
    const { alter } = invalidFrames("ethernet").find(({ name }) => name === "another port")!;
    sendFrame(sender.fd, alter(datagram(1), TO));
    const strays: string[] = [];
    until(witness, () => strays.push(...witness.takeStrays()) >= 1);
    assertEquals(strays, ["not the port: IPv4 (protocol: 17)"]);
    assertEquals([witness.takeStrays(), witness.datagrams], [[], []]);
  },
);

testNeeding(
  { root: true },
  "OutputWitness reports a marked frame, whoever sent it, and awaits its own control frame",
  async () => {
    const [witness, sender] = both("198.51.100.1:1");
    using _witness = witness;
    using _sender = sender;
    assertEquals(await witness.awaitControl(0), 0);
    sendFrame(sender.fd, strayFrame("ethernet"));
    sendFrame(sender.fd, strayFrame("ethernet", newControlText())); // of another run
    sendFrame(sender.fd, strayFrame("ethernet", CONTROL));
    assertEquals(await witness.awaitControl(5000), 1);
    assertEquals(witness.takeStrays(), ["marked: IPv4 (protocol: 17)"]);
  },
);

testNeeding({ root: true }, "OutputWitness leaves out the datagrams of others", async () => {
  const [witness, sender] = both("198.51.100.1:1");
  using _witness = witness;
  using _sender = sender;
  sendFrame(sender.fd, datagram(1));
  await witness.awaitControl(200);
  assertEquals(witness.takeStrays(), []);
  assertEquals(witness.datagrams, []);
});
