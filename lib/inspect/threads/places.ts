/**
 * Where the threads of a process are: their namespaces and root folders, and whether they may
 * create packet sockets there.
 *
 * @module
 */

import { cutText } from "../cut_text.ts";
import { linkAt } from "../links.ts";
import { namespacesOf } from "./namespaces.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { hasNetRaw } from "./net_raw.ts";
import type { HeldNetwork } from "../subject.ts";
import type { ThreadCredentials } from "./threads.ts";
import { ownersAbove, type UserNamespace, userNamespacesAbove } from "./user_namespaces.ts";

/** Where the threads are, and what that gives them. */
export interface Places {
  /** The namespaces and the root folder of each thread. */
  readonly facts: ReadonlyMap<number, Readonly<Record<string, string>>>;
  readonly netRaw: ReadonlyMap<number, boolean | undefined>;
  readonly heldNetworks: readonly HeldNetwork[];
  readonly unseen: readonly string[];
}

/** A descriptor of a network namespace. */
export interface NetworkFile {
  readonly fd: number;
  readonly link: string;
  /** The descriptor in /proc. */
  readonly path: string;
}

/** The most network namespaces among its descriptors that are examined. */
const NETWORKS_LIMIT = 64;

/**
 * Looks at the namespaces and the root folder of every thread.
 *
 * @param networks The network namespaces among its descriptors.
 * @param deadline By `performance.now()`. Threads that are left then are not looked at.
 * @throws {SystemError} `ENOENT` if a thread is gone; `EACCES` without permission.
 */
export function seePlaces(
  pid: number,
  threads: readonly ThreadCredentials[],
  networks: readonly NetworkFile[],
  deadline: number,
): Places {
  const owners = new Map<string, UserNamespace[]>();
  const sights = new Map<string, boolean>();
  const own = linkAt("/proc/self/ns/user") ?? "";
  const facts = new Map<number, Readonly<Record<string, string>>>();
  const netRaw = new Map<number, boolean | undefined>(threads.map(({ tid }) => [tid, undefined]));
  const files = [...new Map(networks.toReversed().map((each) => [each.link, each])).values()];
  const held = new Map<string, boolean | undefined>();
  const unseen: string[] = [];
  for (const [at, thread] of threads.entries()) {
    if (performance.now() > deadline) {
      unseen.push(`the namespaces of ${threads.length - at} threads: there are too many`);
      break;
    }
    const folder = `/proc/${pid}/task/${thread.tid}`;
    const namespaces = namespacesOf(folder);
    const root = linkAt(`${folder}/root`);
    facts.set(thread.tid, {
      ...Object.fromEntries([...namespaces].map(([kind, link]) => [`namespace ${kind}`, link])),
      ...root === undefined ? {} : { root: cutText(root) },
    });
    const [network, user] = [namespaces.get("net"), namespaces.get("user")];
    if (network === undefined || user === undefined) continue;
    const above = owners.getOrInsertComputed(network, () => ownersAbove(`${folder}/ns/net`));
    const isInSight = sights.getOrInsertComputed(
      user,
      () => userNamespacesAbove(`${folder}/ns/user`).includes(own),
    );
    netRaw.set(thread.tid, hasNetRaw(thread, user, above, isInSight));
    for (const { link, path } of files.slice(0, NETWORKS_LIMIT)) {
      if (link === network || held.get(link) === true) continue;
      const there = owners.getOrInsertComputed(
        link,
        () => unlessGone(() => ownersAbove(path)) ?? [],
      );
      const has = hasNetRaw(thread, user, there, isInSight);
      if (has !== false || !held.has(link)) held.set(link, has);
    }
  }
  if (files.length > NETWORKS_LIMIT) {
    unseen.push(`${files.length - NETWORKS_LIMIT} network namespaces among its descriptors`);
  }
  const heldNetworks = files.filter(({ link }) => held.has(link))
    .map(({ fd, link }) => ({ fd, link, netRaw: held.get(link) }));
  return { facts, netRaw, heldNetworks, unseen };
}
