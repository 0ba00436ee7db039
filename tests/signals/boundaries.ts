/**
 * The message boundaries of a run: the moments between two messages on the control channel, as one of its two sides has them.
 *
 * A side is at its boundary N when it has sent or received N messages, and before it does anything else. What is done there is done
 * synchronously, so a signal that a process sends to itself comes at that boundary and at no other.
 *
 * @module
 */

import {
  AF_UNIX,
  errnoOf,
  getsockoptInt,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { libc, type LibcCall } from "../../ffi/abi/libc.ts";

/** What is sent to whom, and where: `child 7 SIGTERM`. */
export interface Blow {
  readonly side: "parent" | "child";
  /** The boundary, from 1. */
  readonly boundary: number;
  readonly signal: Deno.Signal;
}

/** A blow as an argument or the query of a URL. */
export const blowText = ({ side, boundary, signal }: Blow) => `${side}.${boundary}.${signal}`;

/** The opposite of {@linkcode blowText}; `undefined` for the empty text: no blow. */
export function parseBlow(text: string): Blow | undefined {
  if (text === "") return undefined;
  const [side, boundary, signal] = text.split(".");
  return { side: side as Blow["side"], boundary: Number(boundary), signal: signal as Deno.Signal };
}

/** Has this process report of every boundary that it comes to, by number. */
export function atEveryBoundary(report: (boundary: number) => void): void {
  let boundary = 0;
  for (const name of ["sendmsg", "recvmsg"] as const) {
    const call = libc[name] as LibcCall;
    const watched: LibcCall = (...args) => {
      const result = call(...args); // on failure nothing else is called here, so errno stays
      if (Number(result) > 0 && isControlChannel(args[0] as number)) report(++boundary);
      return result;
    };
    Object.defineProperty(libc, name, { value: watched });
  }
}

/** What a process may look at while it may: after a filter is on it, it may not. */
const known = new Map<number, boolean>();

function isControlChannel(fd: number): boolean {
  let is = false;
  const errno = errnoOf(() => {
    is = getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX &&
      getsockoptInt(fd, SOL_SOCKET, SO_TYPE) === SOCK_SEQPACKET;
  });
  if (errno === 0) known.set(fd, is);
  return known.get(fd) ?? false;
}
