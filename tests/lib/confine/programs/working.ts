/**
 * A worker under the receive-only filter, at work: it receives frames and reports them, and has
 * timers, files, threads, compiled code and garbage collections. A call that the filter refuses by
 * default kills it here, so every violation shows.
 *
 *     working.ts parent NEAR FAR [WITHOUT]            bound to NEAR, sends from FAR
 *     working.ts worker PACKET_FD CHANNEL_FD WITHOUT
 *
 * WITHOUT names a system call whose rules are left out of the policy, or is `preparation`.
 *
 * @module
 */

import {
  AF_UNIX,
  close,
  compileFilter,
  dropPrivileges,
  ETH_P_ALL,
  if_nametoindex,
  installFilter,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  poll,
  pollAsync,
  POLLIN,
  rawSyscall,
  recv,
  send,
  setCloseOnExec,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
  type SyscallPolicy,
} from "../../../../ffi/mod.ts";
import { takeFrame } from "../../../../lib/packets/queue.ts";
import { bindPacketSocket, openPacketSocket } from "../../../../lib/packets/socket.ts";
import { prepareForFilter, receiveOnlyPolicy } from "../../../../lib/confine/policy.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { pause } from "../../../support/pause.ts";

const ROUNDS = 100, FRAMES = 100;
const SIGTERM = 15;
const [role, first, second, without] = Deno.args;

/** An EtherType that IEEE 802 reserves for local experiments, so that only this test sends it. */
const ETHERTYPE = [0x88, 0xb5];
const frame = Uint8Array.from([
  ...new Array(12).fill(0xff),
  ...ETHERTYPE,
  ...new Array(46).fill(0),
]);

/** Sends a number over the channel. */
function sendNumber(channelFd: number, number: number): void {
  send(channelFd, new Uint8Array(Uint32Array.of(number).buffer), MSG_NOSIGNAL);
}

/** Receives a number; `undefined` if the other end is closed, or after ten seconds. */
function receiveNumber(channelFd: number): number | undefined {
  const bytes = new Uint8Array(4);
  const [ready] = poll([channelFd], POLLIN, 10_000);
  if (ready === 0 || recv(channelFd, bytes, MSG_DONTWAIT) === 0) return undefined;
  return new Uint32Array(bytes.buffer)[0];
}

async function parent(): Promise<void> {
  const packetFd = openPacketSocket();
  bindPacketSocket(packetFd, if_nametoindex(first), ETH_P_ALL);
  const senderFd = openPacketSocket();
  bindPacketSocket(senderFd, if_nametoindex(second), ETH_P_ALL);
  const [channelFd, workerFd] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  [packetFd, workerFd].forEach((fd) => setCloseOnExec(fd, false));
  const worker = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--v8-flags=--expose-gc,--trace-opt",
      "--no-config",
      new URL("../../../support/load_one_by_one.ts", import.meta.url).pathname,
      "worker",
      String(packetFd),
      String(workerFd),
      without ?? "nothing",
      import.meta.url,
    ],
    // Without caches in SQLite: at its end Deno would wait 30 s for locks that the filter refuses.
    env: { DENO_DIR: "/dev/null/deno", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = worker.output(); // before it ends, so that its pipes do not fill
  close(workerFd);

  let reported = 0;
  if (receiveNumber(channelFd) === 0) {
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < FRAMES; i++) send(senderFd, frame, 0);
      reported += receiveNumber(channelFd) ?? 0;
    }
  }
  const { code, signal, stdout, stderr } = await output;
  const text = new TextDecoder();
  printJson({
    code,
    signal,
    reported,
    sent: ROUNDS * FRAMES,
    stderr: text.decode(stderr),
    compiled: /completed optimizing [^\n]*<JSFunction hot\b/.test(text.decode(stdout)),
    seen: text.decode(stdout).match(/\{"before".*\}(?=\n)/)?.[0],
  });
  Deno.exit();
}

/** Seccomp and NoNewPrivs of every thread. */
function threads(): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const { name: tid } of Deno.readDirSync("/proc/self/task")) {
    const status = Deno.readTextFileSync(`/proc/self/task/${tid}/status`);
    seen[tid] = status.match(/^(NoNewPrivs|Seccomp):\s*\d+/gm)!.join(" ").replaceAll("\t", " ");
  }
  return seen;
}

function receive(packetFd: number): number {
  for (let received = 0; received < FRAMES;) {
    const next = takeFrame(packetFd);
    if (next === undefined) poll([packetFd], POLLIN, 10_000);
    else if (next.head[12] === ETHERTYPE[0] && next.head[13] === ETHERTYPE[1]) received++;
  }
  return FRAMES;
}

function hot(n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

/**
 * Ends this process by a refused call of Deno's own signal handler. On a slow machine Deno had made
 * its socketpair before the filter was installed, so that nothing else would be refused.
 */
async function endByHandledSignal(): Promise<void> {
  const handlesTerm = /^SigCgt:\s*[0-9a-f]{12}[4-7c-f]/m;
  while (!handlesTerm.test(Deno.readTextFileSync("/proc/self/status"))) await pause(5);
  rawSyscall("tgkill", Deno.pid, Deno.pid, SIGTERM);
}

async function worker(): Promise<void> {
  const packetFd = Number(first), channelFd = Number(second);
  const policy = receiveOnlyPolicy({ packetFd, channelFd, ioUring: false, pid: Deno.pid });
  const deadly: SyscallPolicy = {
    rules: policy.rules.filter(({ syscall }) => syscall !== without),
    otherwise: { action: "kill", reason: "a violation" },
  };
  const before = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
  if (without !== "preparation") prepareForFilter();
  dropPrivileges({ uid: 65534, gid: 65534 });
  installFilter(compileFilter(deadly));

  sendNumber(channelFd, 0);
  for (let round = 0; round < ROUNDS; round++) sendNumber(channelFd, receive(packetFd));

  const until = performance.now() + 1500; // Deno starts some things a second late
  while (performance.now() < until) await pause(5);
  if (without === "preparation") await endByHandledSignal();
  const files = await Promise.all(
    Array.from({ length: 64 }, () => Deno.readTextFile("/proc/self/status")),
  );
  // More at once than there are idle threads, so that new ones start.
  const waits = await Promise.all(
    // nothing is ready, so each waits its full time
    Array.from({ length: 64 }, () => pollAsync([channelFd], 0, 50)),
  );
  const atWork = threads(); // before the slow part: a thread that is idle for ten seconds ends
  for (let i = 0; i < 200; i++) hot(1e6);
  let garbage: number[][] = [];
  for (let i = 0; i < 2000; i++) {
    garbage.push(new Array(10_000).fill(i));
    if (garbage.length === 50) garbage = [];
  }
  (globalThis as unknown as { gc(): void }).gc();
  const seen = { before, threads: atWork, files: files.length, waits: waits.length };
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(seen)}\n`));
}

await (role === "parent" ? parent() : worker());
