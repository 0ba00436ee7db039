/**
 * Opens a source of frames as a user who may lock only a few pages, so that its set-up fails
 * half-way.
 *
 *     memory_limit.ts PATH PAGES UID
 *
 * UID belongs to a user who has not locked any memory yet.
 *
 * @module
 */

import {
  openDescriptors,
  pageSize,
  RLIMIT_MEMLOCK,
  setresuid,
  setrlimit,
  SystemError,
} from "../../../../ffi/mod.ts";
import { openPacketSocket } from "../../../../lib/packets/socket.ts";
import { openFrameSource, type ReceivePath } from "../../../../lib/receive/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { pathArgument } from "./receiving.ts";

function endOf(path: ReceivePath, packetFd: number): string {
  try {
    openFrameSource(path, packetFd)[Symbol.dispose]();
    return "received";
  } catch (error) {
    if (error instanceof SystemError) return `${error.syscall} ${error.code}`;
    throw error;
  }
}

const path = pathArgument();
const [pages, uid] = Deno.args.slice(1).map(Number);
const packetFd = openPacketSocket();
setrlimit(RLIMIT_MEMLOCK, pages * pageSize());
setresuid(uid, uid, uid);
const open = JSON.stringify([...openDescriptors("self")]);
const end = endOf(path, packetFd);
printJson({ end, sameOpen: JSON.stringify([...openDescriptors("self")]) === open });
