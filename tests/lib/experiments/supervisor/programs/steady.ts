/**
 * A steady stream on the veth pair, and a socket that counts its frames.
 *
 *     steady.ts stream           starts and stops the stream
 *     steady.ts refused SECONDS [TOLERATED]  a queueing discipline drops every frame for this time
 *     steady.ts down             the interface goes down during the stream
 *
 * @module
 */

import {
  ETH_P_ALL,
  if_nametoindex,
  setsockopt,
  SO_RCVBUFFORCE,
  SOL_SOCKET,
} from "../../../../../ffi/mod.ts";
import { takeFrame } from "../../../../../lib/packets/queue.ts";
import { boundPacketSocket } from "../../../../../lib/packets/socket.ts";
import {
  steadySequence,
  SteadyStimulus,
} from "../../../../../lib/experiments/supervisor/stream.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";
import { ip } from "../../../../ffi/programs/veth.ts";
import { interfaceByName } from "../../../../support/link_ends.ts";

const [task, argument, tolerated] = Deno.args;
const RATE = 1000;
const near = boundPacketSocket(if_nametoindex("veth-fdpass"), ETH_P_ALL);
setsockopt(near.fd, SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20);
const stream = new SteadyStimulus(
  interfaceByName("veth-fdpass-far"),
  RATE,
  tolerated === undefined ? undefined : Number(tolerated),
);
const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** Reads the queued frames: their numbers in order, and their source ports, one for each flow. */
function take(): { numbers: number[]; ports: Set<number> } {
  const numbers: number[] = [];
  const ports = new Set<number>();
  for (let frame; (frame = takeFrame(near.fd)) !== undefined;) {
    const { head } = frame;
    const number = steadySequence(head, 0, head.length, stream.nonce);
    if (number === undefined) continue;
    numbers.push(number);
    ports.add(head[34] << 8 | head[35]);
  }
  return { numbers, ports };
}

/**
 * Runs tc(8). A queueing discipline that drops a frame makes send(2) fail with ENOBUFS
 * (net_xmit_errno() of NET_XMIT_DROP).
 */
const tc = (...args: string[]) => {
  const { success, stderr } = new Deno.Command("tc", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
};

let error: string | undefined;
const began = performance.now();
stream.start();
if (task === "stream") {
  await pause(1000);
  stream.stop();
  const atStop = stream.sent;
  await pause(100);
  const first = {
    atStop,
    later: stream.sent,
    most: Math.ceil((performance.now() - began) * RATE / 1000),
  };
  stream.start(); // continues with the next number
  await pause(300);
  stream.stop();
  await pause(50);
  const { numbers, ports } = take();
  printJson({
    ...first,
    sent: stream.sent,
    numbered: numbers.every((number, i) => number === i) && numbers.length === stream.sent,
    flows: ports.size,
  });
} else if (task === "refused") {
  await pause(200);
  // A queue of about one frame, at 8 bits a second.
  tc(..."qdisc add dev veth-fdpass-far root tbf rate 8bit burst 100b limit 100b".split(" "));
  await pause(20);
  const before = stream.sent;
  let turns = 0;
  const turning = setInterval(() => turns++, 10);
  await pause(Number(argument) * 1000);
  clearInterval(turning);
  const after = stream.sent;
  tc(..."qdisc del dev veth-fdpass-far root".split(" "));
  await pause(400);
  try {
    stream.stop();
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  await pause(50);
  printJson({ before, after, turns, sent: stream.sent, received: take().numbers.length, error });
} else {
  await pause(100);
  ip("link", "set", "veth-fdpass-far", "down");
  await pause(100);
  try {
    stream.stop();
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  printJson({ error });
}
stream[Symbol.dispose]();
near.close();
