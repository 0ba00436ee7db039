/**
 * The two sides of a storm: a process that makes calls that fail and counts those whose errno is another's, and one that sends it signals
 * as fast as it can. Each says when it is there, and waits for a word on standard input.
 *
 *     errno_storm.ts calls PROCESS CURE CALLS PAUSE
 *     errno_storm.ts signals PID
 *
 * PROCESS says whose the signals are: a process that listens (`listening`), one that does and whose filter refuses what a handler
 * calls, so that each leaves an errno behind (`refused`), one that has listened (`plain`), and that under the receive-only filter (`hardened`).
 *
 * CURE is `cured`; or `uncured`, and then it ends at the first wrong errno. PAUSE is how many calls that do not change errno stand between the call and the
 * reading: none, as in ffi/; or so many that every signal comes in between.
 *
 * @module
 */

import {
  AF_PACKET,
  AF_UNIX,
  bindAll,
  blockSignals,
  compileFilter,
  Errno,
  errnoName,
  F_GETFD,
  installFilter,
  lastErrno,
  libc,
  restoreDefaultSignals,
  SOCK_RAW,
  SOCK_SEQPACKET,
  socket,
  socketpair,
} from "../../../../ffi/mod.ts";
import {
  ALLOW_EVERYTHING,
  prepareForFilter,
  receiveOnlyPolicy,
} from "../../../../lib/confine/policy.ts";

/** They do nothing to a process that does not listen. */
const SIGNALS = ["SIGWINCH", "SIGURG", "SIGCHLD", "SIGCONT"] as const;

/** After how many signals the storm has begun. */
const BEGINNING = 1000;

/** How long a wrong errno is waited for, in milliseconds. */
const PATIENCE = 60_000;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function awaitWord(): void {
  Deno.stdin.readSync(new Uint8Array(1));
}

/** Has Deno's handlers of the signals installed; they stay. */
function listen(): Disposable {
  const nothing = () => {};
  for (const signal of SIGNALS) Deno.addSignalListener(signal, nothing);
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, nothing);
    },
  };
}

const PROCESSES: Readonly<Record<string, (isCured: boolean) => void>> = {
  listening(isCured) {
    listen();
    if (isCured) blockSignals();
  },
  refused(isCured) {
    PROCESSES.listening(isCured);
    bindAll();
    const refused = { syscall: "sendto", action: "EPERM", reason: "a handler calls it" } as const;
    installFilter(compileFilter({ ...ALLOW_EVERYTHING, rules: [refused] }));
  },
  plain(isCured) {
    listen()[Symbol.dispose]();
    if (isCured) restoreDefaultSignals();
  },
  hardened(isCured) {
    const packetFd = socket(AF_PACKET, SOCK_RAW, 0);
    const [channelFd] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
    if (isCured) prepareForFilter();
    PROCESSES.plain(isCured);
    bindAll();
    const policy = receiveOnlyPolicy({ packetFd, channelFd, ioUring: false, pid: Deno.pid });
    installFilter(compileFilter(policy));
  },
};

function makeCalls(process: string, isCured: boolean, calls: number, pause: number): void {
  const wrong: Record<string, number> = {};
  errnoName(Errno.EBADF); // bound before the filter
  PROCESSES[process](isCured);
  say("there");
  awaitWord();
  const end = performance.now() + PATIENCE;
  let made = 0;
  const isOver = () =>
    isCured ? made >= calls : Object.keys(wrong).length > 0 || performance.now() > end;
  for (; !isOver(); made++) {
    if (libc.fcntl(-1, F_GETFD, 0) !== -1) throw new Error("fcntl(-1) has succeeded");
    for (let i = 0; i < pause; i++) libc.getppid();
    const errno = lastErrno();
    if (errno === Errno.EBADF) continue;
    wrong[errnoName(errno)] = (wrong[errnoName(errno)] ?? 0) + 1;
  }
  say(JSON.stringify({ made, wrong }));
}

/** Without end: whoever has started it ends it. */
function sendSignals(pid: number): void {
  say("there");
  awaitWord();
  for (let sent = 0;; sent++) {
    Deno.kill(pid, SIGNALS[sent % SIGNALS.length]);
    if (sent === BEGINNING) say("begun");
  }
}

const [side, ...args] = Deno.args;
if (side === "calls") {
  const [process, cure, calls, pause] = args;
  makeCalls(process, cure === "cured", Number(calls), Number(pause));
} else sendSignals(Number(args[0]));
Deno.exit();
