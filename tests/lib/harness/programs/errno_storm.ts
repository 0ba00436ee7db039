/**
 * The two processes of a storm. The caller makes calls that fail, and counts those whose errno a
 * signal handler has overwritten. The sender sends it signals as fast as it can. Each prints
 * "ready" and then waits for a byte on standard input.
 *
 *     errno_storm.ts calls PROCESS CURE CALLS PAUSE
 *     errno_storm.ts signals PID
 *
 * PROCESS is the kind of caller:
 *
 * - `listening`: it listens for the signals.
 * - `refused`: it listens, and its seccomp filter refuses the system call of Deno's handler, so
 *   that each run of a handler leaves an errno behind.
 * - `plain`: it has listened, and no longer does.
 * - `hardened`: as `plain`, under the receive-only filter.
 *
 * CURE is `cured`, or `uncured`: an uncured caller stops at the first wrong errno. PAUSE is the
 * number of calls that do not change errno between a failing call and the reading of its errno: 0
 * as in ffi/, or enough that nearly every signal arrives in between.
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

/** Signals that do nothing to a process that does not listen for them. */
const SIGNALS = ["SIGWINCH", "SIGURG", "SIGCHLD", "SIGCONT"] as const;

/** After how many signals the sender prints "storming". */
const SIGNALS_TO_BEGIN = 1000;

/** How long an uncured caller waits for a wrong errno, in milliseconds. */
const PATIENCE = 60_000;

function printLine(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

/** Waits for a byte on standard input, or its end. */
function awaitByte(): void {
  Deno.stdin.readSync(new Uint8Array(1));
}

/** Makes Deno install its handlers of the signals. They stay when the result is disposed of. */
function listen(): Disposable {
  const nothing = () => {};
  for (const signal of SIGNALS) Deno.addSignalListener(signal, nothing);
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, nothing);
    },
  };
}

/** Prepares each kind of caller. */
const PROCESSES: Readonly<Record<string, (isCured: boolean) => void>> = {
  listening(isCured) {
    listen();
    if (isCured) blockSignals();
  },
  refused(isCured) {
    PROCESSES.listening(isCured);
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
    const policy = receiveOnlyPolicy({ packetFd, channelFd, ioUring: false, pid: Deno.pid });
    installFilter(compileFilter(policy));
  },
};

function makeCalls(process: string, isCured: boolean, calls: number, pause: number): void {
  const wrong: Record<string, number> = {};
  // A function that is bound between a failing call and the reading of its errno may overwrite it,
  // and the filter would refuse to bind one later.
  bindAll();
  PROCESSES[process](isCured);
  printLine("ready");
  awaitByte();
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
  printLine(JSON.stringify({ made, wrong }));
  awaitByte(); // the sender must not find that this process has ended
}

/** Sends signals until this process is killed. */
function sendSignals(pid: number): void {
  printLine("ready");
  awaitByte();
  for (let sent = 0;; sent++) {
    Deno.kill(pid, SIGNALS[sent % SIGNALS.length]);
    if (sent === SIGNALS_TO_BEGIN) printLine("storming");
  }
}

const [role, ...args] = Deno.args;
if (role === "calls") {
  const [process, cure, calls, pause] = args;
  makeCalls(process, cure === "cured", Number(calls), Number(pause));
} else sendSignals(Number(args[0]));
Deno.exit();
