/**
 * Opens a source of frames while no more descriptors can be opened.
 *
 *     descriptor_limit.ts PATH
 *
 * @module
 */

import {
  AF_UNIX,
  close,
  errnoName,
  errnoOf,
  openDescriptors,
  RLIMIT_NOFILE,
  setrlimit,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../../../ffi/mod.ts";
import { openPacketSocket } from "../../../../lib/packets/socket.ts";
import { openFrameSource } from "../../../../lib/receive/mod.ts";
import { sharedWithKernel } from "../../../ffi/mappings.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { pathArgument } from "./receiving.ts";

const path = pathArgument();
const packetFd = openPacketSocket();
setrlimit(RLIMIT_NOFILE, 100);

const filling: number[] = [];
/** Opens descriptors up to the limit, and returns the errno. */
function fill(): string {
  const open = () => filling.push(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return errnoName(errnoOf(() => {
    for (;;) open();
  }));
}

/** Returns the open descriptors. To list them takes a descriptor. */
function seen(): string {
  close(filling.pop()!);
  const open = JSON.stringify([...openDescriptors("self").keys()]);
  fill();
  return open;
}

fill();
const before = seen();
const end = errnoName(errnoOf(() => openFrameSource(path, packetFd)[Symbol.dispose]()));
const full = fill();
const sameOpen = seen() === before;
close(filling.pop()!);
printJson({ end, full, sameOpen, mapped: sharedWithKernel() });
