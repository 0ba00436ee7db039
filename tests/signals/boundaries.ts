/**
 * The message boundaries of a run: the moments between two messages on the control channel, as one
 * of its sides counts them.
 *
 * A side is at boundary N when it has sent or received N messages and has done nothing since. A
 * callback runs there synchronously, so a signal that a process sends to itself arrives at that
 * boundary and at no other.
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

/** Which side sends itself which signal, and where. */
export interface PlannedSignal {
  readonly side: "parent" | "child";
  /** The boundary, counted from 1. */
  readonly boundary: number;
  readonly signal: Deno.Signal;
}

/** A planned signal as an argument or the query of a URL, such as `child.7.SIGTERM`. */
export const signalText = ({ side, boundary, signal }: PlannedSignal) =>
  `${side}.${boundary}.${signal}`;

/** The inverse of {@linkcode signalText}; `undefined` for the empty text, which plans no signal. */
export function parseSignal(text: string): PlannedSignal | undefined {
  if (text === "") return undefined;
  const [side, boundary, signal] = text.split(".");
  return {
    side: side as PlannedSignal["side"],
    boundary: Number(boundary),
    signal: signal as Deno.Signal,
  };
}

/** Calls back at every boundary that this process reaches, with its number. */
export function atEveryBoundary(report: (boundary: number) => void): void {
  let boundary = 0;
  for (const name of ["sendmsg", "recvmsg"] as const) {
    const call = libc[name] as LibcCall;
    const watched: LibcCall = (...args) => {
      const result = call(...args); // if it fails, no other call follows here, so errno stays
      if (Number(result) > 0 && isControlChannel(args[0] as number)) report(++boundary);
      return result;
    };
    Object.defineProperty(libc, name, { value: watched });
  }
}

/** What each descriptor was when the process could still ask: under its filter it cannot. */
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
