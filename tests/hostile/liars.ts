/**
 * The hostile children of the table that `deno task hostile` prints: how each behaves and what it
 * reports.
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
import {
  type Behaviour,
  claimEverything,
  type Reports,
  returnFrame,
  type Situation,
} from "./behaviour.ts";
import { VIOLATIONS } from "./violations.ts";

/** A hostile child. */
interface Liar {
  readonly behaviour: Behaviour;
  readonly report?: Reports;
}

const keepingRoot: Behaviour = VIOLATIONS["root-kept"];

/** Reports that each check was skipped. */
const skipEverything: Reports = (run, moment, checks) => {
  if (moment === "dropped") { for (const id of checks) run.check(id, skipped("not here")); }
};

/** Reports that every check holds, but only after the parent has looked. */
const claimLate: Reports = (run, moment, checks) => {
  if (moment === "end") claimEverything(run, moment, checks);
};

/** Invents the frame around a datagram, as a child would that never saw the frame. */
function frameAround(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(42 + payload.length);
  frame.set([0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44], 0);
  frame.set([0x08, 0x00, 0x45, 0], 12);
  frame.set([28 + payload.length], 17);
  frame.set(payload, 42);
  return frame;
}

const returnInvented = ({ run }: Situation, frame: Uint8Array) =>
  returnFrame(run, frame.length, frame, realtime());

const GROUP = { address: "239.255.70.68", port: 5004 }; // that of the stimulus

/** Joins the group of the stimulus by an ordinary socket, which needs no privilege. */
function listenAsAnybody(): number {
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind(fd, inetAddress({ ...GROUP, address: "0.0.0.0" }));
  joinGroup(fd, GROUP.address, if_nametoindex("veth-fdpass"));
  return fd;
}

/** The children, by name. */
export const LIARS: { readonly [name in LiarName]: Liar } = {
  skip: { behaviour: keepingRoot, report: skipEverything },
  late: { behaviour: keepingRoot, report: claimLate },
  liar: { behaviour: keepingRoot },
  replace: { behaviour: VIOLATIONS["socket-replaced"] },
  forge: {
    behaviour: {
      what: "closes the passed socket, and invents frames around what an ordinary socket reads",
      args: ["-t", "3"],
      receive(situation) {
        close(situation.packetFd);
        const fd = listenAsAnybody();
        const buffer = new Uint8Array(2048);
        while (!situation.run.hasMessage()) {
          if ((poll([fd], POLLIN, 10)[0] & POLLIN) === 0) continue;
          returnInvented(situation, frameAround(buffer.slice(0, recv(fd, buffer, 0))));
        }
      },
    },
  },
  invent: {
    behaviour: {
      what: "invents every packet, where no stimulus is sent",
      args: ["-t", "3", "--stimulus", "none"],
      verdicts: ["FAIL", "INCONCLUSIVE"],
      receive(situation) {
        while (!situation.run.hasMessage()) {
          returnInvented(situation, frameAround(crypto.getRandomValues(new Uint8Array(20))));
          sleep(50);
        }
      },
    },
  },
  honest: { behaviour: { what: "does nothing wrong", verdicts: ["PASS"] } },
};

/** The name of one of these children. */
export type LiarName = "skip" | "late" | "liar" | "replace" | "forge" | "invent" | "honest";
