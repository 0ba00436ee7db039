/**
 * Abuses of the parent: what a compromised child can send it, hold, use up or leave behind, by
 * name. Each is done by a real child, which then carries on as if nothing had happened. A parent
 * that accepts the abuse comes to a PASS, and the test fails. What a child can keep for itself is
 * in `violations.ts`.
 *
 * @module
 */

import {
  cString,
  dup,
  Errno,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  posix_spawn,
  sendDescriptors,
  SHUT_RD,
  SHUT_WR,
  shutdown,
  sleep,
  SystemError,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { sendMessage } from "../../lib/harness/channel.ts";
import { ExperimentError } from "../../lib/evidence/errors.ts";

/** One abuse. */
export interface Abuse {
  readonly what: string;
  /** Matches the report: the message, the call or the end that was wrong. */
  readonly reported: RegExp;
  /**
   * The stage of `privilege-drop` at which it is done, before that stage is reported; by default
   * `ready`, when the child is nobody.
   */
  readonly at?: "started" | "received" | "ready" | "done";
  /** Whether the child then reports the stage and continues. If not, it waits for ever. */
  readonly goesOn?: boolean;
  readonly do: (run: ChildRun) => void;
  /** False if the run comes to its end nevertheless. */
  readonly endsRun?: boolean;
  /**
   * The timeout of the run in seconds; 10 by default. A run that waits for something that never
   * comes should have less.
   */
  readonly timeout?: number;
}

const FOR_EVER = 1 << 30;
const ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\u202e\u{e0001}";

const encoder = new TextEncoder();

/** Sends bytes that `sendMessage` would not send. */
function send(run: ChildRun, words: string | Uint8Array<ArrayBuffer>, fds: number[] = []): void {
  const data = typeof words === "string" ? encoder.encode(words) : words;
  sendDescriptors(run.channelFd, fds, { data });
}

const sending = (words: unknown) => (run: ChildRun) =>
  send(run, typeof words === "string" ? words : JSON.stringify(words));

/** Sends a message until the parent stops reading. */
const flooding = (words: string) => (run: ChildRun) => {
  for (const data = encoder.encode(words);;) {
    try {
      sendDescriptors(run.channelFd, [], { data });
    } catch {
      return; // the parent has closed the channel
    }
  }
};

function writeForEver(...streams: { writeSync(bytes: Uint8Array): number }[]): never {
  const bytes = encoder.encode(`${ESCAPES}${"x".repeat(65_000)}\n`);
  for (;;) for (const stream of streams) stream.writeSync(bytes);
}

/** Starts threads that sleep for ten minutes. */
function startThreads(count: number): void {
  const sleepFunction = libc.dlsym(null, cString("sleep"));
  for (let i = 0; i < count; i++) {
    const errno = libc.pthread_create(new BigUint64Array(1), null, sleepFunction, 600n);
    if (errno !== 0) throw new SystemError("pthread_create", errno);
  }
}

const deep = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
const check = { type: "check", id: "DROP-01", status: "pass", observed: "", evidence: {} };
const packet = {
  ...{ type: "packet", bytes: 60, head: "AAAA", timestamp_ns: "1" },
  stamped_by: "kernel",
};
const reached = (detail: unknown) => ({ type: "reached", stage: "ready", detail });

const NOT_JSON = /broke the protocol: a message is not JSON/;
const CUT = /Message refused: control messages were cut off \(MSG_CTRUNC\)/;
const goesOn = true;

/** Every abuse. */
export const ABUSES = {
  // ── Data that is not a message. ──
  "oversized": {
    what: "sends a message of 65,537 bytes",
    reported: /Message refused: data was cut off \(MSG_TRUNC\)/,
    do: sending(JSON.stringify("x".repeat(65_535))),
    goesOn,
  },
  "oversized-by-far": {
    what: "sends a message of 150,000 bytes",
    reported: /Message refused: data was cut off \(MSG_TRUNC\)/,
    do: sending("x".repeat(150_000)),
    goesOn,
  },
  "truncated": {
    what: "sends half a message",
    reported: NOT_JSON,
    do: sending('{"type":"reached","stage":"re'),
    goesOn,
  },
  "empty": {
    what: "sends an empty message",
    reported: /broke the protocol: a message is empty/,
    do: sending(""),
    goesOn,
  },
  "two-in-one": {
    what: "sends two messages in one",
    reported: NOT_JSON,
    do: sending(`${JSON.stringify(packet)}${JSON.stringify(packet)}`),
    goesOn,
  },
  "no-text": {
    what: "sends bytes that are not UTF-8",
    reported: /broke the protocol: a message is not UTF-8/,
    do: (run) => send(run, Uint8Array.of(0x22, 0xff, 0xfe, 0x22)),
    goesOn,
  },
  "byte-order-mark": {
    what: "sends a byte order mark before a message",
    reported: NOT_JSON,
    do: sending(`\ufeff${JSON.stringify(packet)}`),
    goesOn,
  },
  "not-a-number": {
    what: "sends NaN in place of a number",
    reported: NOT_JSON,
    do: sending(JSON.stringify(packet).replace("60", "NaN")),
    goesOn,
  },
  "no-object": {
    what: "sends a list in place of a message",
    reported: /a message is not an object/,
    do: sending("[1,2,3]"),
    goesOn,
  },
  "unfinished-depth": {
    what: "sends 60,000 open brackets",
    reported: NOT_JSON,
    do: sending("[".repeat(60_000)),
    goesOn,
  },

  // ── Messages of the protocol that are invalid. ──
  "unknown-type": {
    what: "sends a verdict",
    reported: /a message of unknown type/,
    do: sending({ type: "verdict", verdict: "PASS" }),
    goesOn,
  },
  "wrong-types": {
    what: "sends a message whose fields have the wrong types",
    reported: /stage is not a short text/,
    do: sending({ type: "reached", stage: ["ready"], detail: null }),
    goesOn,
  },
  "no-more": {
    what: "reports that it has received the socket, and then nothing",
    reported: /Time ran out after 4 s: the child fell silent for the last/,
    timeout: 4,
    at: "received",
    do: sending({ type: "reached", stage: "received", detail: {} }),
  },
  "time-of-no-clock": {
    what: "returns a packet that was received in the year 5138",
    reported: /timestamp_ns is not a time/,
    do: sending({ ...packet, timestamp_ns: "99999999999999999999" }),
    goesOn,
  },
  "polluting-type": {
    what: "hides its type in a prototype",
    reported: /a message of unknown type/,
    do: sending(`{"__proto__":${JSON.stringify(reached({ pid: "1" }))}}`),
    goesOn,
  },
  "polluting-detail": {
    what: "sends a key __proto__",
    reported: /detail has a key "__proto__"/,
    do: sending('{"type":"reached","stage":"ready","detail":{"__proto__":{"pid":"1"}}}'),
    goesOn,
  },
  "polluting-evidence": {
    what: "sends a key constructor in the evidence of a check",
    reported: /evidence has a key "constructor"/,
    at: "started",
    do: sending({
      ...check,
      evidence: { a: [{ constructor: { prototype: { status: "pass" } } }] },
    }),
    goesOn,
  },
  "deep-detail": {
    what: "nests a detail 30,000 deep",
    reported: /detail is nested more than \d+ deep/,
    do: sending(`{"type":"reached","stage":"ready","detail":${deep(30_000)}}`),
    goesOn,
  },
  "deep-evidence": {
    what: "nests the evidence of a check 30,000 deep",
    reported: /evidence is nested more than \d+ deep/,
    at: "started",
    do: sending(JSON.stringify(check).replace('"evidence":{}', `"evidence":${deep(30_000)}`)),
    goesOn,
  },
  "endless-number": {
    what: "sends 1e999 as the length of a frame",
    reported: /bytes is not a whole number/,
    do: sending(JSON.stringify(packet).replace("60", "1e999")),
    goesOn,
  },
  "endless-evidence": {
    what: "sends 1e999 in the evidence of a check",
    reported: /a number in evidence is too large/,
    at: "started",
    do: sending(JSON.stringify(check).replace('"evidence":{}', '"evidence":{"n":1e999}')),
    goesOn,
  },
  "half-a-character": {
    what: "sends a lone surrogate",
    reported: /a text in text has an unpaired surrogate/,
    do: sending('{"type":"detail","text":"\\ud800"}'),
    goesOn,
  },
  "more-head-than-frame": {
    what: "returns more bytes of a frame than the frame has",
    reported: /bytes is not a whole number from 3/,
    do: sending({ ...packet, bytes: 2 }),
    goesOn,
  },
  "long-head": {
    what: "returns 300 bytes of a frame",
    reported: /head is not a short text/,
    do: sending({ ...packet, bytes: 300, head: "A".repeat(400) }),
    goesOn,
  },

  // ── Checks. ──
  "no-such-check": {
    what: "reports a check that does not exist",
    reported: /there is no check "DROP-99"/,
    do: sending({ ...check, id: "DROP-99" }),
    goesOn,
  },
  "inherited-check": {
    what: "reports a check with the name of a property that every object has",
    reported: /there is no check "toString"/,
    do: sending({ ...check, id: "toString" }),
    goesOn,
  },
  "escapes-for-a-check": {
    what: "reports a check whose name clears the terminal",
    reported: /there is no check "\\u001b\[2J/,
    do: sending({ ...check, id: ESCAPES }),
    goesOn,
  },
  "takes-back": {
    what: "refutes one of the parent's checks, and takes that back",
    reported: /# observed: .*; the child reports: not so/,
    do(run) {
      for (const status of ["pass", "fail", "pass", "skip"]) {
        sending({ ...check, id: "RECV-01", status, observed: status === "fail" ? "not so" : "" })(
          run,
        );
      }
    },
    goesOn,
    endsRun: false,
  },
  "other-experiments-check": {
    what: "reports a check of another experiment",
    reported: /SUPER-01 is not a check of this experiment/,
    do: sending({ ...check, id: "SUPER-01" }),
    goesOn,
  },
  "other-experiments-claim": {
    what: "bases a claim on a check of another experiment",
    reported: /SUPER-01 is not a check of this experiment/,
    do: sending({ type: "done", text: "trust me", checks: ["SUPER-01"] }),
    goesOn,
  },
  "refutes-itself": {
    what: "reports that a check fails, with escapes in every string",
    reported: /The child gave up: \\u\{1b\}\[2J/,
    at: "started",
    do(run) {
      sending({ type: "step", title: ESCAPES, privileged: true })(run);
      for (const type of ["note", "done", "detail"]) {
        sending({ type, text: ESCAPES, checks: [] })(run);
      }
      const evidence = { [ESCAPES]: [ESCAPES] };
      sending({ ...check, status: "fail", observed: ESCAPES, evidence })(run);
      sending({ type: "failed", message: ESCAPES })(run);
    },
    goesOn,
  },

  // ── Floods and hoards. ──
  "short-flood": {
    what: "sends short notes for ever",
    reported: /The child sends too much: more than 1048576 characters/,
    do: flooding('{"type":"detail","text":""}'),
  },
  "long-flood": {
    what: "sends long notes for ever",
    reported: /The child sends too much: more than 1048576 characters/,
    do: flooding(JSON.stringify({ type: "note", text: "\u202e".repeat(4096), checks: [] })),
  },
  "wide-flood": {
    what: "sends notes for ever, each with 64 checks",
    reported: /The child sends too much: more than 1048576 characters/,
    do: flooding(
      JSON.stringify({ type: "note", text: "", checks: new Array(64).fill("DROP-01") }),
    ),
  },
  "opinion-flood": {
    what: "reports for ever that a check holds",
    reported: /The child sends too much: 10000 messages where another is awaited/,
    do: flooding(JSON.stringify({ ...check, observed: "x".repeat(4096) })),
  },
  "step-flood": {
    what: "begins steps for ever",
    reported: /The child sends too much: more than 1048576 characters/,
    do: flooding('{"type":"step","title":"","privileged":true}'),
  },
  "packet-flood": {
    what: "returns packets for ever that do not belong to this run",
    reported:
      /root's own socket received \d+ packets, the child returned 0, 5 wanted|sends too much/,
    timeout: 4,
    do(run) {
      run.reached("ready");
      const head = new Uint8Array(256).toBase64();
      flooding(JSON.stringify({ ...packet, bytes: 300, head }))(run);
    },
  },
  "output-flood": {
    what: "writes to its standard output and standard error for ever",
    reported: /Time ran out after 4 s: the child fell silent for the last/,
    timeout: 4,
    do: () => writeForEver(Deno.stdout, Deno.stderr),
  },
  "threads": {
    what: "has 3000 threads",
    reported: /The child has more than \d+ threads/,
    do: () => startThreads(3000),
    goesOn,
  },

  "hoard": {
    what: "holds 6000 descriptors",
    reported: /The child has more than \d+ descriptors/,
    at: "started",
    do(run) {
      for (let i = 0; i < 6000; i++) dup(run.channelFd);
    },
    goesOn,
  },

  // ── Descriptors. ──
  "descriptor": {
    what: "sends a descriptor with a message",
    reported: CUT,
    do: (run) => send(run, JSON.stringify(reached({ pid: "1" })), [run.channelFd]),
  },
  "descriptors": {
    what: "sends 253 descriptors with a message",
    reported: CUT,
    do: (run) => send(run, JSON.stringify(packet), new Array(253).fill(0)),
    goesOn,
  },
  "many-descriptors": {
    what: "sends message after message, each with 253 descriptors",
    reported: CUT,
    do(run) {
      const data = encoder.encode("{}"), fds = new Array(253).fill(0);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      for (let sent = 0; sent < 1000; sent++) {
        try {
          sendDescriptors(run.channelFd, fds, { data, flags });
        } catch {
          return; // the queue, or the limit of descriptors under way, is full
        }
      }
    },
    goesOn,
  },
  "descriptor-alone": {
    what: "sends a descriptor without a message",
    reported: CUT,
    do: (run) => send(run, "", [0]),
    goesOn,
  },

  // ── Silence, and early or late ends. ──
  "silent": {
    what: "falls silent",
    reported: /Time ran out after 4 s: the child fell silent for the last/,
    timeout: 4,
    do: () => {},
  },
  "wrong-stage": {
    what: "reports its last stage before the earlier ones",
    reported: /did not reach the stage "ready": it is at "done"/,
    do: (run) => run.reached("done"),
  },
  "unknown-stage": {
    what: "reports a stage whose name clears the terminal",
    reported: /did not reach the stage "ready": it is at "\\u\{1b\}\[2J/,
    do: (run) => run.reached(ESCAPES),
  },
  "closes-the-channel": {
    what: "shuts down its sending side of the control channel, and goes on",
    reported: /The child closed the control channel but kept running; it was killed/,
    do: (run) => shutdown(run.channelFd, SHUT_WR),
  },
  "does-not-read": {
    what: "shuts down its receiving side of the control channel",
    // The error depends on who is faster: the parent sends, receives, or looks at a child that has
    // ended.
    reported:
      /sendmsg: Broken pipe \(EPIPE\)|The child gave up: The other side closed|"\/proc\/\d+\/task"/,
    do: (run) => shutdown(run.channelFd, SHUT_RD),
    goesOn,
  },
  "last-words": {
    what: "gives up while a message from the parent is unread",
    reported: /The child gave up: these are my last words/,
    at: "started",
    do(run) {
      run.reached("started");
      sleep(200); // until the parent has sent the socket
      throw new Error("these are my last words");
    },
  },
  "gives-up-with-escapes": {
    what: "gives up with escapes",
    reported: /The child gave up: \\u\{1b\}\[2J/,
    do() {
      throw new ExperimentError(ESCAPES);
    },
  },
  "pretends-refusal": {
    what: "gives up over a refusal that does not exist",
    reported: /The child gave up: seccomp: Operation not permitted \(EPERM\)$/m,
    do() {
      throw new SystemError("seccomp", Errno.EPERM);
    },
  },
  "pretends-full-queue": {
    what: "gives up over an error that root's own control gets for its arguments",
    reported: /The child gave up: recvmsg: Bad file descriptor \(EBADF\)$/m,
    do() {
      throw new SystemError("recvmsg", Errno.EBADF);
    },
  },
  "pretends-unknown-call": {
    what: "gives up over a call that does not exist",
    reported: /The child gave up: launch_missiles: Operation not permitted \(EPERM\)$/m,
    do() {
      throw new SystemError("launch_missiles", Errno.EPERM);
    },
  },
  "impossible-errno": {
    what: "gives up with an impossible errno",
    reported: /errno is not a whole number from 1 to 4095/,
    do: sending({ type: "failed", message: "", call: { syscall: "seccomp", errno: -1 } }),
  },
  "long-last-words": {
    what: "gives up with a message of 10,000 characters",
    reported: /message is not a short text/,
    do: (run) => sendMessage(run.channelFd, { type: "failed", message: "x".repeat(10_000) }, [], 0),
  },
  "exits": {
    what: "exits early with status 0",
    reported: /The child ended early, with exit status 0/,
    do: () => Deno.exit(0),
  },
  "exits-with-escapes": {
    what: "writes escapes to its standard error, and exits with status 7",
    reported: /The child ended early, with exit status 7: \\u\{1b\}\[2J/,
    do() {
      Deno.stderr.writeSync(encoder.encode(ESCAPES));
      Deno.exit(7);
    },
  },
  "exits-badly": {
    what: "does everything right, and exits with status 3",
    reported: /The child ended early, with exit status 3/,
    at: "done",
    do(run) {
      run.reached("done");
      Deno.exit(3);
    },
  },
  "stays": {
    what: "does everything right, and does not end",
    reported: /The child did not end within 5000 ms/,
    at: "done",
    do(run) {
      run.reached("done");
    },
  },
  "leaves-a-process": {
    what: "does everything right, and leaves a process behind that holds its output",
    reported: /The child has ended, but it left 1 process behind/,
    do: () => void posix_spawn("/usr/bin/sleep", ["sleep", "600"]),
    goesOn,
  },
  "leaves-a-session": {
    what: "does everything right, and leaves a process behind in a session of its own",
    reported: /The child has ended, but it left 1 process behind/,
    do: () => void posix_spawn("/usr/bin/setsid", ["setsid", "--fork", "sleep", "600"]),
    goesOn,
  },
  "leaves-processes": {
    what: "leaves processes behind that start others, and ends",
    reported: /The child ended early, with exit status 9/,
    do() {
      posix_spawn("/bin/sh", ["sh", "-c", "while :; do sleep 600 & sleep 0.01; done"]);
      sleep(200);
      Deno.exit(9);
    },
  },
} as const satisfies { readonly [name: string]: Abuse };

/** The name of an abuse. */
export type AbuseName = keyof typeof ABUSES;

/** Has a child commit an abuse at its stage. */
export function abuseParent(run: ChildRun, abuse: Abuse): void {
  const honest = run.reached.bind(run);
  run.reached = (stage, detail) => {
    if (stage !== (abuse.at ?? "ready")) return honest(stage, detail);
    run.reached = honest;
    abuse.do(run);
    if (abuse.goesOn !== true) sleep(FOR_EVER);
    honest(stage, detail);
  };
}
