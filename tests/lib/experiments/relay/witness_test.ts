import { assertEquals } from "@std/assert";
import { ETH_P_ALL, type OwnedFd, poll, POLLIN } from "../../../../ffi/mod.ts";
import { strayFrame } from "../../../../lib/experiments/relay/elsewhere.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { type Direction, OutputWitness } from "../../../../lib/experiments/relay/witness.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { testNeeding } from "../../../support/needs.ts";
import { interfaceByName, NOBODY } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const SOURCE = "192.0.2.1:5004"; // of every frame that we build
const digest = (bytes: Uint8Array) => bytes.toHex();
const datagram = (...payload: number[]) =>
  datagramFrame({ sender: NOBODY, to: TO, payload: Uint8Array.from(payload) });

/** A witness at `lo`, and a socket that sends by it. */
function both(
  source = SOURCE,
  direction: Direction = "outgoing",
): [witness: OutputWitness, sender: OwnedFd] {
  const lo = interfaceByName("lo");
  const witness = new OutputWitness(lo, direction, { source, to: TO, digest });
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
  "OutputWitness reports a marked frame, whoever sent it, and awaits one",
  async () => {
    const [witness, sender] = both("198.51.100.1:1");
    using _witness = witness;
    using _sender = sender;
    assertEquals(await witness.awaitStrays(0), 0);
    sendFrame(sender.fd, strayFrame("ethernet"));
    assertEquals(await witness.awaitStrays(5000) > 0, true);
  },
);

testNeeding({ root: true }, "OutputWitness leaves out the datagrams of others", async () => {
  const [witness, sender] = both("198.51.100.1:1");
  using _witness = witness;
  using _sender = sender;
  sendFrame(sender.fd, datagram(1));
  assertEquals(await witness.awaitStrays(200), 0);
  assertEquals(witness.datagrams, []);
});
