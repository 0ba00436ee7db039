/**
 * Runs a program under strace, and parses strace's own decoding.
 *
 * @module
 */

import { inNamespace, type Outcome } from "../support/programs.ts";

/** A system call, with the positions in the output where it began and ended. */
export interface Call {
  /** The thread. */
  readonly tid: number;
  readonly name: string;
  /** The text between the parentheses. */
  readonly args: string;
  /**
   * The text after them, such as `0` or `-1 EPERM (Operation not permitted)`; empty if it did not
   * return.
   */
  result: string;
  readonly began: number;
  ended: number;
  /** When it began, in seconds since 1970, if strace was asked for it (`-ttt`); 0 otherwise. */
  readonly time: number;
}

/** A run under strace. */
export interface Trace {
  readonly outcome: Outcome;
  /** The calls, in the order in which they began. */
  readonly calls: readonly Call[];
  /** The position in the output where each thread ended. */
  readonly exits: ReadonlyMap<number, number>;
}

/**
 * Runs a command in a private network namespace under `strace -f -yy`.
 *
 * @param more More options for strace.
 */
export async function straced(
  trace: string,
  command: readonly string[],
  more: readonly string[] = [],
): Promise<Trace> {
  const file = await Deno.makeTempFile();
  try {
    const options = [
      "-f",
      "--seccomp-bpf",
      "--pidns-translation",
      "-yy",
      "-o",
      file,
      "-e",
      `trace=${trace}`,
      ...more,
    ];
    const outcome = await inNamespace(["strace", ...options, ...command]);
    return { outcome, ...parseTrace(await Deno.readTextFile(file)) };
  } finally {
    await Deno.remove(file);
  }
}

/**
 * Parses the output of `strace -f -o`, and joins the calls that others interrupted. Without `-f`
 * the thread is 0.
 */
export function parseTrace(output: string): Pick<Trace, "calls" | "exits"> {
  const calls: Call[] = [];
  const exits = new Map<number, number>();
  const pending = new Map<number, { text: string; began: number; time: number }>();
  output.split("\n").forEach((line, at) => {
    const [, thread = "0", seconds = "0", event] =
      line.match(/^(?:(\d+) +)?(?:(\d+\.\d+) )?(\S.*)$/) ?? [];
    if (event === undefined) return;
    const tid = Number(thread);
    if (event.startsWith("+++")) exits.set(tid, at);

    const unfinished = event.match(/^(\w+\(.*?) *<unfinished \.\.\.>$/);
    const time = Number(seconds);
    if (unfinished !== null) return void pending.set(tid, { text: unfinished[1], began: at, time });
    const resumed = event.match(/^<\.\.\. \w+ resumed>(.*)$/);
    const whole = resumed === null
      ? { text: event, began: at, time }
      : { ...pending.get(tid)!, text: pending.get(tid)!.text + resumed[1] };
    const { text, began } = whole;
    const call = text.match(/^(\w+)\((.*)\) += (.*)$/);
    if (call === null) return;
    const [, name, args, answer] = call;
    const [, elsewhere] = answer.match(/^\d+ \/\* (\d+) in strace's PID NS \*\/$/) ?? [];
    const result = elsewhere ?? answer;
    calls.push({ tid, name, args, result, began, ended: at, time: whole.time });
  });
  calls.sort((one, other) => one.began - other.began);
  return { calls, exits };
}

/** A descriptor as `-yy` shows it, such as `24<socket:[16437]>`. */
export interface ShownDescriptor {
  readonly fd: number;
  readonly inode: number;
}

/** The sockets and pipes in a text of strace, in order. */
export function descriptorsIn(text: string): ShownDescriptor[] {
  return [...text.matchAll(/(\d+)<[\w-]+:\[(\d+)/g)]
    .map(([, fd, inode]) => ({ fd: Number(fd), inode: Number(inode) }));
}
