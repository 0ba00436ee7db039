import { assertEquals } from "@std/assert";
import { OwnedFd } from "../../../../ffi/mod.ts";
import { Arrivals } from "../../../../lib/experiments/relay/arrivals.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import { destinationFilter, groupFilter } from "../../../../lib/packets/filters.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { interfaceByName, NOBODY } from "../../../support/link_ends.ts";
import { testNeeding } from "../../../support/needs.ts";

const TO = { address: "239.255.70.78", port: 5004 };
const digest = (bytes: Uint8Array) => bytes.toHex();
const payloadOf = (letter: string, size = 1) => new Uint8Array(size).fill(letter.charCodeAt(0));
const ours = new Set(["a", "b", "c"].map((letter) => digest(payloadOf(letter))));
const injections = { injected: (name: string) => ours.has(name) ? 1 : 0 };

/** Witnesses at `lo`, of all to the group and with the worker's filter, and a socket that sends. */
function witnesses(): { all: Arrivals; passing: Arrivals; sender: OwnedFd } {
  const lo = interfaceByName("lo");
  const options = { from: TO, longest: 4, digest, injections };
  return {
    all: new Arrivals(lo, { ...options, filter: destinationFilter(TO.address) }),
    passing: new Arrivals(lo, { ...options, filter: groupFilter(TO, "ethernet") }),
    sender: boundPacketSocket(lo.ifindex, 0),
  };
}

/** Sends datagrams by letters, and an invalid frame for each digit; returns what arrived. */
function arrivalsOf(letters: string) {
  const { all, passing, sender } = witnesses();
  using _all = all;
  using _passing = passing;
  using _sender = sender;
  const datagram = (payload: Uint8Array) => datagramFrame({ sender: NOBODY, to: TO, payload });
  const fragment = invalidFrames("ethernet").find(({ reason }) => reason === "fragment")!;
  const elsewhere = invalidFrames("ethernet").find(({ name }) => name === "another group")!;
  for (const letter of letters) {
    if (letter === "1") sendFrame(sender.fd, fragment.alter(datagram(payloadOf("z", 40)), TO));
    else if (letter === "2") sendFrame(sender.fd, elsewhere.alter(datagram(payloadOf("z")), TO));
    else sendFrame(sender.fd, datagram(payloadOf(letter, letter === "L" ? 5 : 1)));
  }
  for (const witness of [all, passing]) witness.settle();
  const lettersOf = ({ datagrams }: Arrivals) =>
    datagrams.map(({ digest, isOurs }) => {
      const letter = String.fromCharCode(parseInt(digest, 16));
      return isOurs ? letter : letter.toUpperCase();
    }).join("");
  assertEquals([all.lost, passing.lost], [0, 0]);
  assertEquals(lettersOf(all), lettersOf(passing));
  return { letters: lettersOf(passing), bounds: passing.bounds };
}

testNeeding({ root: true }, "Arrivals tells ours from others', each as often as injected", () => {
  assertEquals(arrivalsOf("axbyccb").letters, "aXbYcCB");
});

testNeeding({ root: true }, "Arrivals bounds what a worker must have counted", () => {
  const { bounds: { atLeast, atMost } } = arrivalsOf("x11a1LyLb1x");
  assertEquals([atLeast.relayed, atMost.relayed], [3, 5]);
  assertEquals([atLeast.dropped.fragment, atMost.dropped.fragment], [1, 4]);
  const tooBig = "too big for the output";
  assertEquals([atLeast.dropped[tooBig], atMost.dropped[tooBig]], [2, 2]);
});

testNeeding({ root: true }, "Arrivals requires nothing after the last that comes out", () => {
  const { bounds: { atLeast, atMost } } = arrivalsOf("abLL1");
  assertEquals([atLeast.relayed, atLeast.dropped["too big for the output"]], [2, 0]);
  assertEquals([atMost.relayed, atMost.dropped["too big for the output"]], [2, 2]);
  assertEquals([atLeast.dropped.fragment, atMost.dropped.fragment], [0, 1]);
});

testNeeding({ root: true }, "Arrivals with the worker's filter sees only what passes it", () => {
  const { bounds: { atLeast, atMost } } = arrivalsOf("a2b21c");
  assertEquals([atLeast.relayed, atMost.relayed], [3, 3]);
  assertEquals([atMost.dropped["not the group"], atMost.dropped.fragment], [0, 1]);
});

testNeeding({ root: true }, "Arrivals bounds nothing from below if none of ours arrived", () => {
  const { letters, bounds } = arrivalsOf("x1y");
  assertEquals([letters, bounds.atLeast.relayed, bounds.atMost.relayed], ["XY", 0, 2]);
  assertEquals([bounds.atLeast.dropped.fragment, bounds.atMost.dropped.fragment], [0, 1]);
});
