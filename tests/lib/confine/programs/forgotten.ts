/**
 * Starts a worker in a process that has forgotten a file of root's. Prints whether the file is open
 * at each step.
 *
 * @module
 */

import {
  AF_UNIX,
  O_CLOEXEC,
  O_RDONLY,
  open,
  openDescriptors,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
} from "../../../../ffi/mod.ts";
import { startWorker } from "../../../../lib/confine/start.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const [packetFd, channelFd] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
const forgotten = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
const isOpen = () => openDescriptors("self").has(forgotten);

const steps: [step: string, isOpen: boolean][] = [["before", isOpen()]];
const source = { fd: packetFd, [Symbol.dispose]: () => {} };
startWorker(
  { explain: () => undefined },
  { packetFd, channelFd },
  { uid: 65534, gid: 65534, protections: ["closed-descriptors"] },
  () => {
    steps.push(["source", isOpen()]);
    return source;
  },
  {
    becomeWorker: () => void steps.push(["drop", isOpen()]),
    protectWorker: () => void steps.push(["protections", isOpen()]),
  },
);
printJson(steps);
Deno.exit(); // the runtime may wait for a descriptor of its own that was closed
