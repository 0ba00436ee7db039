/**
 * Watches the interfaces of a run, and describes the first change that makes the run's answer
 * worthless: an interface that goes down or away, or is no longer what it was when the run began.
 *
 * Interfaces are told apart by their ifindexes, since a name may change its owner. Promiscuous
 * mode, addresses, queues and statistics may change.
 *
 * @module
 */

import { AnswerError, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { type LinkMessage, LinkMonitor, type LinkState } from "../../ffi/socket/link_monitor.ts";
import type { Link } from "../../ffi/socket/rtnetlink.ts";

/** An interface to watch, as it was when its name was looked up. */
export type WatchedLink = Pick<Link, "name" | "ifindex" | "up" | "mtu">;

/** A change of an interface, in words. */
export interface LinkChange {
  /** Such as `"eth0" went down`. */
  readonly event: string;
  /** The remedy, as the end of a sentence. */
  readonly remedy: string;
}

/** The kinds of changes of an interface. The remedy is that of the first one that happened. */
const KINDS = ["moved", "deleted", "renamed", "enslaved", "mtu", "down", "carrier"] as const;
type Kind = typeof KINDS[number];

/** The changes after which nothing else counts: the interface is out of sight. */
const ENDS: readonly Kind[] = ["moved", "deleted"];

/** Something that has happened to an interface. */
interface Happening {
  readonly kind: Kind;
  /** What it did, after its name. */
  readonly words: string;
}

/** How many datagrams one look takes at most, so that a storm of changes does not hold it up. */
const DATAGRAMS_PER_LOOK = 1024;

/** How often the states are asked for, if the queue overflows meanwhile. */
const QUESTIONS = 3;

/** One interface: its state, and what has happened to it. */
class Watched {
  readonly happened = new Map<Kind, string>();
  /** Whether another interface has got its name. */
  isReplaced = false;
  /** Whether the kernel has reported on it since it was last asked. */
  isAnswered = false;
  #state: LinkState | undefined;

  constructor(readonly link: WatchedLink) {}

  /** Takes a message about any interface. Returns whether it reports a change of this one. */
  take(message: LinkMessage): boolean {
    const { ifindex } = message.kind === "gone" ? message : message.state;
    const isOwn = ifindex === this.link.ifindex;
    this.isAnswered ||= isOwn;
    if (message.kind === "gone") return isOwn && this.#takeEnd(message.movedTo !== undefined);
    const { state } = message;
    const isGone = ENDS.some((kind) => this.happened.has(kind));
    if (!isOwn || isGone) {
      this.isReplaced ||= state.name === this.link.name && this.happened.size > 0;
      return false;
    }
    const changes = changesOf(this.link, this.#state, state);
    this.#state = state;
    for (const { kind, words } of changes) {
      if (!this.happened.has(kind)) this.happened.set(kind, words);
    }
    return changes.length > 0;
  }

  #takeEnd(hasMoved: boolean): boolean {
    if (ENDS.some((kind) => this.happened.has(kind))) return false;
    if (hasMoved) this.happened.set("moved", "was moved to another network namespace");
    else this.happened.set("deleted", "was deleted");
    return true;
  }

  /** The change in words. */
  get change(): LinkChange {
    const { name } = this.link;
    const end = ENDS.find((kind) => this.happened.has(kind));
    const kinds = end === undefined ? telling([...this.happened.keys()]) : [end];
    const words = kinds.map((kind) => this.happened.get(kind)!);
    if (this.isReplaced) {
      words.push(
        end === "deleted"
          ? "replaced by another interface of the same name"
          : "lost its name to another interface",
      );
    }
    const most = KINDS.find((kind) => kinds.includes(kind))!;
    return {
      event: `${JSON.stringify(name)} ${enumerated(words)}`,
      remedy: remedyFor(most, name, this.#state?.name ?? name),
    };
  }
}

/** Joins words as a sentence does: `a, b and c`. */
function enumerated(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(" and ");
}

/** Leaves out what follows from the rest: an interface that is down has no carrier. */
function telling(kinds: readonly Kind[]): Kind[] {
  return kinds.filter((kind) => kind !== "carrier" || kinds.length === 1);
}

/**
 * Compares two states of an interface.
 *
 * @param link What is known from before the watch.
 * @param before The last state; `undefined` if this is the first.
 */
function changesOf(
  link: WatchedLink,
  before: LinkState | undefined,
  { name, up, carrier, carrierLosses, mtu, master }: LinkState,
): Happening[] {
  const known = before ?? link;
  const changes: [isSo: boolean, kind: Kind, words: string][] = [
    [name !== known.name, "renamed", `was renamed to ${JSON.stringify(name)}`],
    [!up && known.up, "down", "went down"],
    [mtu !== known.mtu, "mtu", `changed its MTU from ${known.mtu} to ${mtu}`],
  ];
  if (before !== undefined) {
    const wasEnslaved = master === 0 ? "is no longer a port" : "was made a port";
    const lostCarrier = before.carrier && !carrier || carrierLosses > before.carrierLosses;
    changes.push(
      [master !== before.master, "enslaved", `${wasEnslaved} of another interface`],
      [up && lostCarrier, "carrier", "lost its carrier"],
    );
  }
  return changes.filter(([isSo]) => isSo).map(([, kind, words]) => ({ kind, words }));
}

function remedyFor(kind: Kind, name: string, nameNow: string): string {
  switch (kind) {
    case "moved":
      return "run fdpass in the network namespace that it is in now";
    case "deleted":
      return "run fdpass again on an interface that stays";
    case "renamed":
      return `run fdpass again on ${JSON.stringify(nameNow)}`;
    case "enslaved":
    case "mtu":
      return "run fdpass again, and leave the interface as it is meanwhile";
    case "down":
      return `bring it up with "ip link set ${name} up", and keep it up`;
    case "carrier":
      return "keep the other end of the link up";
  }
}

/** Watches interfaces. Its owner must call {@linkcode look} often enough. */
export class LinkWatch implements Disposable {
  readonly #monitor: LinkMonitor;
  readonly #watched: readonly Watched[];
  /** The first interface that something has happened to. The others may only follow it. */
  #first: Watched | undefined;

  /**
   * Starts to watch. An interface that has changed since its name was looked up counts.
   *
   * @param links The interfaces. One may be named more than once.
   * @throws {SystemError} If the kernel's messages cannot be read here.
   */
  constructor(links: readonly WatchedLink[]) {
    const byIndex = new Map(links.map((link) => [link.ifindex, link]));
    this.#watched = [...byIndex.values()].map((link) => new Watched(link));
    this.#monitor = new LinkMonitor();
    try {
      this.lookAgain();
    } catch (error) {
      this.#monitor[Symbol.dispose]();
      throw error;
    }
  }

  /** The first change; `undefined` if there was none. More may become known of it later. */
  get change(): LinkChange | undefined {
    return this.#first?.change;
  }

  /**
   * Reads what the kernel has reported, without waiting.
   *
   * @throws {SystemError} If that fails.
   * @throws {AnswerError} If a message is malformed.
   */
  look(): void {
    if (this.#readAll()) this.lookAgain();
  }

  /**
   * Asks the kernel for the state of each interface, and reads all that it has reported: then
   * every change is known that the kernel had begun before.
   *
   * @throws {SystemError} `ENOBUFS` if the queue overflows each time; as {@linkcode look}.
   * @throws {AnswerError} If a reply is missing or malformed.
   */
  lookAgain(): void {
    this.#readAll(); // makes room for the replies
    for (let questions = QUESTIONS; questions > 0; questions--) {
      for (const watched of this.#watched) {
        watched.isAnswered = false;
        this.#monitor.request(watched.link.ifindex);
      }
      if (this.#readAll()) continue;
      if (this.#watched.every(({ isAnswered }) => isAnswered)) return;
      throw new AnswerError("RTM_GETLINK", "no reply");
    }
    throw new SystemError(
      "recvfrom",
      Errno.ENOBUFS,
      "The kernel's messages on interfaces are lost",
    );
  }

  /** Returns whether messages are missing. */
  #readAll(): boolean {
    let isOverflown = false;
    for (let left = DATAGRAMS_PER_LOOK; left > 0; left--) {
      const messages = this.#monitor.take();
      if (messages === undefined) break;
      if (messages === "overflow") isOverflown = true;
      else messages.forEach((message) => this.#take(message));
    }
    return isOverflown;
  }

  #take(message: LinkMessage): void {
    for (const watched of this.#watched) {
      if (watched.take(message)) this.#first ??= watched;
    }
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#monitor[Symbol.dispose]();
  }
}
