/**
 * The hostile children of the table that `deno task hostile` prints: what each does, and what it says.
 *
 * @module
 */

import {
  AF_INET,
  bind,
  close,
  if_nametoindex,
  inetAddress,
  joinGroup,
  poll,
  POLLIN,
  realtime,
  recv,
  sleep,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../ffi/mod.ts";
import { skipped } from "../../lib/evidence/evidence.ts";
import { claimEverything, type Deed, type Given, type Words } from "./behaviour.ts";
import { VIOLATIONS } from "./violations.ts";

/** A hostile child: its deed, and its words. */
interface Liar {
  readonly deed: Deed;
  readonly say?: Words;
}

const keepingRoot: Deed = VIOLATIONS["root-kept"];

/** Reports of every check that there was nothing to judge by. */
const skipEverything: Words = (run, moment, checks) => {
  if (moment === "dropped") { for (const id of checks) run.check(id, skipped("not here")); }
};

/** Reports that everything holds, after the parent has looked. */
const claimLate: Words = (run, moment, checks) => {
  if (moment === "end") claimEverything(run, moment, checks);
};

/** A frame around a datagram, as a child would make it up that never saw the frame. */
function frameAround(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(42 + payload.length);
  frame.set([0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44], 0);
  frame.set([0x08, 0x00, 0x45, 0], 12);
  frame.set([28 + payload.length], 17);
  frame.set(payload, 42);
  return frame;
}

function handOn({ run }: Given, frame: Uint8Array): void {
  run.packet({
    bytes: frame.length,
    head: frame.toBase64(),
    timestamp_ns: String(realtime()),
    stamped_by: "kernel",
  });
}

const GROUP = { address: "239.255.70.68", port: 5004 }; // of the stimulus

/** Joins the group of the stimulus by an ordinary socket, as anybody may. */
function listenAsAnybody(): number {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind(fd, inetAddress({ ...GROUP, address: "0.0.0.0" }));
  joinGroup(fd, GROUP.address, if_nametoindex("veth-fdpass"));
  return fd;
}

/** All of them, by name. */
export const LIARS: { readonly [name in LiarName]: Liar } = {
  skip: { deed: keepingRoot, say: skipEverything },
  late: { deed: keepingRoot, say: claimLate },
  liar: { deed: keepingRoot },
  replace: { deed: VIOLATIONS["socket-replaced"] },
  forge: {
    deed: {
      what: "closes the passed socket, and makes frames of what an ordinary socket reads",
      args: ["-t", "3"],
      receive(given) {
        close(given.packetFd);
        const fd = listenAsAnybody();
        const buffer = new Uint8Array(2048);
        while (!given.run.hasParentSpoken()) {
          if ((poll([fd], POLLIN, 10)[0] & POLLIN) === 0) continue;
          handOn(given, frameAround(buffer.slice(0, recv(fd, buffer, 0))));
        }
      },
    },
  },
  invent: {
    deed: {
      what: "makes up every packet, where no stimulus is sent",
      args: ["-t", "3", "--stimulus", "none"],
      comesTo: ["FAIL", "INCONCLUSIVE"],
      receive(given) {
        while (!given.run.hasParentSpoken()) {
          handOn(given, frameAround(crypto.getRandomValues(new Uint8Array(20))));
          sleep(50);
        }
      },
    },
  },
  honest: { deed: { what: "does nothing wrong", comesTo: ["PASS"] } },
};

/** The name of one of them. */
export type LiarName = "skip" | "late" | "liar" | "replace" | "forge" | "invent" | "honest";
