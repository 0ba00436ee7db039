/**
 * A fanout group in the kernel: sends frames of every kind, and prints the numbers of the frames
 * that each member received.
 *
 *     dealing.ts kinds MODE   frames of each kind, routed to several sets of members
 *     dealing.ts flowing      frames from another thread, while the route changes again and again
 *
 * @module
 */

import {
  ETH_P_ALL,
  if_nametoindex,
  type OwnedFd,
  setsockopt,
  sleep,
  SO_RCVBUFFORCE,
  SOL_SOCKET,
} from "../../../../../ffi/mod.ts";
import {
  FanoutGroup,
  type FanoutMode,
} from "../../../../../lib/experiments/supervisor/fanout_group.ts";
import { takeFrame } from "../../../../../lib/packets/queue.ts";
import { boundPacketSocket, takeStatistics } from "../../../../../lib/packets/socket.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";
import { Sender } from "../../../../ffi/programs/veth.ts";
import { ipv4, ipv6, numberOf, other, OURS, short } from "../../../../support/flows.ts";

const [task, mode = "hash"] = Deno.args;
const MEMBERS = 4, FLOWS = 32, MOST = 1_000_000, ROUTES = 40, EVERY = 200;
const IFINDEX = if_nametoindex("veth-fdpass");
const BUFFER = 8 << 20;
/** The most frames in flight: fewer than a member's buffer holds. */
const MOST_IN_FLIGHT = 2000;
/**
 * Indices in the memory that reader and sender share: whether to stop, and the frames read so far.
 */
const STOP = 0, TAKEN = 1;

/** Reads our own frames from a member's queue. */
function take(member: OwnedFd): Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  for (let frame; (frame = takeFrame(member.fd)) !== undefined;) {
    if (OURS.every((byte, i) => frame!.head[6 + i] === byte)) frames.push(frame.head.slice());
  }
  return frames;
}

function open(group: FanoutGroup): OwnedFd[] {
  return Array.from({ length: MEMBERS }, (_, i) => {
    const member = boundPacketSocket(IFINDEX, ETH_P_ALL);
    setsockopt(member.fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER);
    const number = group.join(member.fd);
    if (number !== i + 1) throw new Error(`Member ${number} joined instead of ${i + 1}`);
    return member;
  });
}

function kinds(): void {
  using group = new FanoutGroup(mode as FanoutMode, IFINDEX);
  const members = open(group);
  using sender = new Sender();
  const deal = (frames: readonly Uint8Array<ArrayBuffer>[]) => {
    frames.forEach((frame) => sender.send(frame));
    sleep(50); // frames cross the veth pair in softirq context
    return members.map((member) => take(member));
  };
  const numbered = [
    ...Array.from({ length: FLOWS }, (_, i) => ({ from: i, to: i % 5, port: 49152 + i % 7 })),
  ].flatMap((flow, i) => [
    ipv4(flow, 4 * i),
    ipv6(flow, 4 * i + 1),
    ipv4(flow, 4 * i + 2, 4 * (1 + i % 10)),
    other([0x0806, 0x88b5, 0x88cc][i % 3], 4 * i + 3),
  ]);
  const shorts = [0x0800, 0x86dd].flatMap((type) =>
    [0, 1, 12, 19, 20, 23].map((length) => short(type, length))
  );

  const rounds = [deal(numbered)].map((got) => ({ route: [] as number[], got }));
  for (const route of [[1, 2, 3, 4], [1], [2, 4], [3, 1], [4, 3, 2], [1, 2, 3, 4]]) {
    group.route(route);
    rounds.push({ route, got: deal(numbered) });
  }
  group.route([2, 3]);
  const ofShorts = deal(shorts).map((frames) => frames.length);
  printJson({
    sent: numbered.length,
    shorts: shorts.length,
    ofShorts,
    rounds: rounds.map(({ route, got }) => ({
      route,
      got: got.map((frames) => frames.map((frame) => numberOf(frame))),
    })),
    frames: numbered.map((frame) => frame.toBase64()),
  });
}

async function flowing(): Promise<void> {
  using group = new FanoutGroup("hash", IFINDEX);
  const members = open(group);
  group.route([1]);
  const flood = new Worker(import.meta.url, { type: "module", name: "flood" });
  let sent: number | undefined;
  flood.onmessage = ({ data }) => sent = data;
  const shared = new Int32Array(new SharedArrayBuffer(8));
  flood.postMessage(shared);
  const times = new Uint8Array(MOST);
  const routes = [[1, 2], [2], [3, 4], [4, 1], [1, 2, 3, 4], [3]];
  let routed = 0, toLeftOut = 0;
  const takeAll = () => {
    for (const frame of members.flatMap(take)) {
      times[numberOf(frame)]++;
      Atomics.add(shared, TAKEN, 1);
    }
  };
  for (let i = 0; sent === undefined; i++) {
    const route = routes[i % routes.length];
    takeAll();
    group.route(route);
    if (++routed === ROUTES) Atomics.store(shared, STOP, 1);
    // From here on only the routed members receive frames. The counters of the others are reset,
    // and must stay 0.
    const leftOut = members.filter((_, i) => !route.includes(i + 1));
    const count = () => leftOut.reduce((sum, { fd }) => sum + takeStatistics(fd).packets, 0);
    count();
    await new Promise((resolve) => setTimeout(resolve, 1));
    toLeftOut += count();
  }
  sleep(50);
  takeAll();
  const each = times.subarray(0, sent);
  printJson({
    routed,
    toLeftOut,
    once: each.filter((count) => count === 1).length,
    lost: each.filter((count) => count === 0).length,
    twice: each.filter((count) => count > 1).length,
    sent,
  });
  flood.terminate();
}

/** Sends until the reader tells it to stop. */
function flood(shared: Int32Array): void {
  using sender = new Sender();
  let number = 0;
  while (number < MOST && Atomics.load(shared, STOP) === 0) {
    const isFull = number - Atomics.load(shared, TAKEN) >= MOST_IN_FLIGHT;
    if (isFull || number % EVERY === 0) sleep(1);
    if (isFull) continue;
    sender.send(ipv4({ from: number & 0xff, to: 1, port: 49152 + number % 64 }, number));
    number++;
  }
  self.postMessage(number);
}

const self = globalThis as unknown as {
  name: string;
  onmessage: (event: MessageEvent<Int32Array>) => void;
  postMessage(message: unknown): void;
};
if (self.name === "flood") self.onmessage = ({ data }) => flood(data);
else if (task === "kinds") kinds();
else await flowing();
