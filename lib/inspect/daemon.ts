/**
 * What the kernel reports of a running process from outside, without stopping or changing it.
 *
 * The process may change while it is looked at, on purpose. So its threads are read before and
 * after everything else, and the look counts only if both readings agree; otherwise it is repeated.
 *
 * @module
 */

import { readBeginning, readTextFile } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { isKernelThread } from "../../ffi/ptrace/thread_state.ts";
import { CannotAnswer } from "../evidence/errors.ts";
import type { InspectedDescriptor } from "../evidence/inspected.ts";
import { cutText } from "./cut_text.ts";
import {
  credentialFacts,
  differencesBetween,
  type ThreadFacts,
  threadsInWords,
} from "./threads/differences.ts";
import { isDumpable } from "./processes/dumpable.ts";
import { linkAt } from "./links.ts";
import { seeMemory } from "./descriptors/memory_map.ts";
import { besideOwn, namespacesOf } from "./threads/namespaces.ts";
import { seeFiles, type SeenFiles } from "./descriptors/open_files.ts";
import { type NetworkFile, type Places, seePlaces } from "./threads/places.ts";
import { nameOf } from "./processes/process_name.ts";
import { describeSharer, seeSharers } from "./processes/sharers.ts";
import { seeSiblings } from "./processes/siblings.ts";
import { statFields } from "./processes/stat_fields.ts";
import type { SeenDaemon, SeenProcessPart } from "./subject.ts";
import { threadKinds } from "./threads/thread_kinds.ts";
import { areSameThreads, listThreads, type ThreadList } from "./threads/thread_list.ts";
import type { ThreadCredentials } from "./threads/threads.ts";
import { programIn, WatchedProcess } from "./processes/watched_process.ts";
import { writtenMemories } from "./descriptors/written_memory.ts";

/** The longest time for everything by default, in milliseconds. */
const TIME_LIMIT = 30_000;

/** How often a look at a process that changes meanwhile is repeated. */
const ATTEMPTS = 20;

/** The most entries that the lists of the evidence show. */
const SHOWN = { descriptors: 500, arguments: 64, sentences: 100, threadsOfDescriptor: 16 };

/**
 * Looks at a process.
 *
 * Whatever could not be seen is in `shown.unseen`, each with its reason.
 *
 * @param pid Its id in /proc.
 * @param meanwhile Called in every look, between the readings that must agree.
 * @param limit The longest time that it may take, in milliseconds.
 * @throws {CannotAnswer} If there is no such process, if it ends meanwhile, is a thread of the
 * kernel or this process, or if it may not be examined.
 */
export function seeDaemon(
  pid: number,
  meanwhile: () => void = () => {},
  limit = TIME_LIMIT,
): SeenDaemon {
  using watched = new WatchedProcess(pid);
  const deadline = performance.now() + limit;
  let last: SeenDaemon | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS && performance.now() < deadline; attempt++) {
    const seen = watched.read(() => look(pid, deadline, meanwhile));
    if (seen.changed === undefined) return seen.daemon;
    last = withUnseen(seen.daemon ?? last, seen.changed);
  }
  if (last !== undefined) return last;
  throw new CannotAnswer(
    `The threads of process ${pid} end faster than they can be looked at`,
    "Inspect it while it has less to do",
  );
}

function withUnseen(daemon: SeenDaemon | undefined, reason: string): SeenDaemon | undefined {
  if (daemon === undefined) return undefined;
  const { shown, unseenThreads } = daemon;
  return {
    ...daemon,
    unseenThreads: [...new Set([reason, ...unseenThreads])],
    shown: { ...shown, unseen: [...new Set([reason, ...shown.unseen])] },
  };
}

/** A look, and how the process changed meanwhile, in words. */
type Look =
  | { readonly daemon: SeenDaemon; readonly changed: undefined }
  | { readonly daemon: SeenDaemon | undefined; readonly changed: string };

const THREADS_CHANGED =
  "one state of the process: threads came and went, or changed, while it was looked at";

function look(pid: number, deadline: number, meanwhile: () => void): Look {
  const list = listThreads(pid, deadline);
  if (list.threads.length === 0) {
    throw new CannotAnswer(
      `Process ${pid} has ended, and was not reaped by its parent`,
      "Inspect it while it runs",
    );
  }
  const main = list.threads.find(({ tid }) => !isKernelThread(tid)) ?? list.threads[0];
  const folder = `/proc/${pid}/task/${main.tid}`;
  const program = programIn(folder);
  const daemon = unlessGone(() => see(pid, main, list, deadline, meanwhile));
  if (daemon === undefined) return { daemon, changed: THREADS_CHANGED };
  if (programIn(folder) !== program) {
    return {
      daemon,
      changed: "one state of the process: it executed a program while it was looked at",
    };
  }
  const isSame = areSameThreads(list, listThreads(pid, deadline));
  return isSame ? { daemon, changed: undefined } : { daemon, changed: THREADS_CHANGED };
}

/**
 * Sees everything.
 *
 * @param main A thread that shows what belongs to the process: the first, unless it has ended.
 */
function see(
  pid: number,
  main: ThreadCredentials,
  { threads, ended, unread }: ThreadList,
  deadline: number,
  meanwhile: () => void,
): SeenDaemon {
  const folder = `/proc/${pid}/task/${main.tid}`;
  const tids = [...new Set([main, ...threads])].map(({ tid }) => tid);
  const files = seeFiles(pid, tids, deadline, meanwhile);
  const memory = seeMemory(folder);
  const folderOf = ({ tids: [tid] }: InspectedDescriptor) => `/proc/${pid}/task/${tid ?? main.tid}`;
  const places = seePlaces(pid, threads, networksAmong(files, folderOf), deadline);
  const limit = descriptorLimit(folder);
  const namespaces = namespacesOf(folder);
  const siblings = seeSiblings(pid, namespaces.get("pid") ?? "", main.uids[0], deadline);
  const shared = seeSharers(pid, main.tid, files.tables);
  const unseen = [
    ...whyUnread(unread),
    ...files.unseen,
    ...memory === undefined ? ["its mappings: there are too many"] : [],
    ...places.unseen,
    ...limit === undefined ? ["its limit of descriptors"] : [],
    ...siblings === undefined ? ["other processes of its user: there are too many processes"] : [],
    ...mayShare(shared.refused),
  ];
  const kinds = threadKinds(threads);
  const differences = [
    ...differencesBetween(factsOf(threads, places)),
    ...ownTables(files),
    ...kinds.left,
    ...shared.sharers.map(describeSharer),
    ...ended.length === 0 ? [] : [`${threadsInWords(ended)}: ended, and not reaped`],
  ];
  return {
    pid,
    shown: {
      ...describe(pid, folder, main),
      threads: kinds.shown,
      differences: cutList(differences),
      namespaces: besideOwn(namespaces),
      wx_mappings: memory?.writableExecutable ?? null,
      ...firstOf(files),
      unseen: cutList([...new Set(unseen)]),
    },
    threads,
    unseenThreads: whyUnread(unread),
    netRaw: places.netRaw,
    heldNetworks: places.heldNetworks,
    writtenMemories: writtenMemories(pid, files.descriptors, folderOf),
    descriptorLimit: limit,
    rings: files.rings,
    descriptors: files.descriptors,
    mapped: memory?.mapped ?? [],
    sharers: shared.sharers,
    siblings,
  };
}

/** Returns the descriptors that the evidence shows, and how many it does not. */
function firstOf(
  { descriptors }: SeenFiles,
): Pick<SeenProcessPart, "descriptors" | "descriptors_left_out"> {
  return {
    descriptors: descriptors.slice(0, SHOWN.descriptors).map((each) => ({
      ...each,
      tids: each.tids.slice(0, SHOWN.threadsOfDescriptor),
    })),
    descriptors_left_out: Math.max(0, descriptors.length - SHOWN.descriptors),
  };
}

/** Returns the network namespaces among the descriptors. */
function networksAmong(
  { descriptors }: SeenFiles,
  folderOf: (descriptor: InspectedDescriptor) => string,
): NetworkFile[] {
  return descriptors.filter(({ refers_to }) => /^net:\[\d+\]$/.test(refers_to)).map((each) => ({
    fd: each.fd,
    link: each.refers_to,
    path: `${folderOf(each)}/fd/${each.fd}`,
  }));
}

/** Returns that the credentials of some threads were not read, in words. */
function whyUnread(unread: number): string[] {
  return unread === 0 ? [] : [`the credentials of ${unread} threads: there are too many`];
}

/** Returns that some processes could not be compared, in words. */
function mayShare(refused: number): string[] {
  if (refused === 0) return [];
  const processes = refused === 1 ? "a process shares" : `${refused} processes share`;
  return [`whether ${processes} its memory: kcmp(2) is refused`];
}

/** The part of the evidence that shows in the files of one thread. */
function describe(
  pid: number,
  folder: string,
  { uids }: ThreadCredentials,
): Pick<
  SeenProcessPart,
  "pid" | "name" | "executable" | "command" | "parent" | "session" | "root" | "dumpable"
> {
  const [, parent, , session] = statFields(readTextFile(`/proc/${pid}/stat`)).map(Number);
  const executable = linkAt(`${folder}/exe`);
  const root = linkAt(`${folder}/root`);
  return {
    ...nameOf(pid),
    executable: executable === undefined ? null : cutText(executable),
    command: commandOf(folder),
    parent: parent === 0 ? null : nameOf(parent),
    session,
    root: root === undefined ? null : cutText(root),
    dumpable: isDumpable(folder, uids[1]) ?? null,
  };
}

/** The most bytes that are read of a command line, which may have megabytes. */
const COMMAND_BYTES = 1 << 16;

function commandOf(folder: string): string[] {
  const bytes = unlessGone(() => readBeginning(`${folder}/cmdline`, COMMAND_BYTES));
  const words = new TextDecoder().decode(bytes).replace(/\0$/, "").split("\0");
  if (words.length === 1 && words[0] === "") return [];
  const shown = words.slice(0, SHOWN.arguments).map(cutText);
  const isCut = words.length > SHOWN.arguments || bytes?.length === COMMAND_BYTES;
  return isCut ? [...shown, "… (the rest is left out)"] : shown;
}

function cutList(sentences: readonly string[]): string[] {
  const left = sentences.length - SHOWN.sentences;
  if (left <= 0) return [...sentences];
  return [...sentences.slice(0, SHOWN.sentences), `${left} more of this kind`];
}

function descriptorLimit(folder: string): number | undefined {
  const limits = unlessGone(() => readTextFile(`${folder}/limits`)) ?? "";
  const [, soft] = limits.match(/^Max open files\s+(\S+)/m) ?? [];
  if (soft === "unlimited") return Infinity;
  return soft === undefined ? undefined : Number(soft);
}

function factsOf(
  threads: readonly ThreadCredentials[],
  { facts }: Places,
): Map<number, ThreadFacts> {
  return new Map(threads.map((thread) => [
    thread.tid,
    { ...credentialFacts(thread), ...facts.get(thread.tid) },
  ]));
}

function ownTables({ descriptors }: SeenFiles): string[] {
  // The descriptors of a table share one list of threads.
  const tables = Map.groupBy(descriptors, ({ tids }) => tids);
  return [...tables].filter(([tids]) => tids.length > 0).map(([tids, { length }]) =>
    `${threadsInWords(tids)}: a table of descriptors of its own, with ${length}`
  );
}
