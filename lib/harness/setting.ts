/**
 * From what was asked for to where it takes place: every name is looked up, and whatever would spoil the run is found
 * out before anything is opened.
 *
 * @module
 */

import { IFNAMSIZ } from "../../ffi/abi/constants.ts";
import { attempt, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { type Identity, UNCHANGED } from "../../ffi/process/credentials.ts";
import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { gidByName, userByName, userByUid } from "../../ffi/process/users.ts";
import { if_nametoindex, type Link, linkByIndex } from "../../ffi/socket/rtnetlink.ts";
import { ALWAYS_NEEDED, describeMissing, missingCapabilities } from "../host/capabilities.ts";
import { CannotAnswer, UsageError } from "../evidence/errors.ts";
import { ALL_PROTECTIONS, type Protection, requireBirth } from "../confine/protections.ts";
import { type ReceivePath, whyUnavailable } from "../receive/mod.ts";
import { findOptions, type OptionsByExperiment, type OptionsOwner } from "./options.ts";

/** What a run is asked for. */
export interface RunOptions {
  /** The interface under test. */
  readonly interface: string;
  /** Packets to receive. */
  readonly count: number;
  /** The longest that an experiment may take, in seconds; `undefined` for what it usually may. */
  readonly timeout: number | undefined;
  /** Whom to become: `USER[:GROUP]`, by name or number. */
  readonly user: string;
  /** Where to inject frames: an interface, `"none"`, or `undefined` for the veth peer. */
  readonly stimulus: string | undefined;
  /** Whether the worker is hardened: all protections. */
  readonly harden: boolean;
  /** How the worker receives; `undefined` if nothing is said of it. */
  readonly receive: ReceivePath | undefined;
  /** What the options of experiments ask for. */
  readonly options: OptionsByExperiment;
}

/** Where a run takes place, and for whom: the kernel's view of {@linkcode RunOptions}. */
export interface Setting {
  readonly link: Link;
  /** Where frames are injected; `undefined` for no stimulus. */
  readonly stimulus: Link | undefined;
  readonly identity: Identity;
  /** Where a range of users was given: all of them, the first of which is `identity`. */
  readonly identities: readonly Identity[];
  readonly count: number;
  /** In milliseconds. */
  readonly timeout: number | undefined;
  /** What hardens the worker; none of them if it is not to be. */
  readonly protections: readonly Protection[];
  /** How the worker receives; `undefined` for the usual way, and for each in `receive-paths`. */
  readonly receive: ReceivePath | undefined;
  /** The options of experiments, with every name looked up. */
  readonly options: OptionsByExperiment;
}

/**
 * Whether a text can name an interface: 1 to 15 printable ASCII characters, as dev_valid_name() in net/core/dev.c has it (which
 * would also take bytes beyond ASCII).
 */
export function isInterfaceName(name: string): boolean {
  return name.length < IFNAMSIZ && /^[!-~]+$/.test(name) && !/[/:]/.test(name) &&
    name !== "." && name !== "..";
}

/**
 * The interface of that name.
 *
 * @param purpose What it is for, for the error.
 * @param action What cannot be done if it is not there, for the error.
 * @throws {UsageError} If the text is no name of an interface, or there is none of that name.
 */
export function findLink(
  name: string,
  purpose: string,
  action = "Cannot bind the packet socket to",
): Link {
  if (!isInterfaceName(name)) {
    throw new UsageError(
      `${purpose} ${JSON.stringify(name)} is not an interface name: ` +
        `1 to 15 printable ASCII characters without "/" and ":" are wanted`,
    );
  }
  try {
    return linkByIndex(if_nametoindex(name));
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ENODEV)) throw error;
    throw new UsageError(
      `${action} "${name}": ${error.message}; "ip link" shows the interfaces`,
    );
  }
}

const DECIMAL = /^\d{1,10}$/;

function asId(text: string, kind: "user" | "group"): number {
  const id = Number(text);
  if (id === 0) {
    throw new UsageError(
      `--user: ${kind} id 0 is root: dropping to root proves nothing; name another`,
    );
  }
  if (id >= UNCHANGED) {
    throw new UsageError(
      `--user: ${kind} id ${text} is out of range: 1 to ${UNCHANGED - 1} is wanted`,
    );
  }
  return id;
}

/**
 * Where frames are injected, for what cannot do with the traffic that comes by itself.
 *
 * @throws {CannotAnswer} If there is no such place.
 */
export function requireStimulus(stimulus: Link | undefined, link: Link): Link {
  if (stimulus !== undefined) return stimulus;
  throw new CannotAnswer(
    `No frame can be injected at "${link.name}": its veth peer is not here`,
    "Run it by scripts/netns.sh, or name the peer with --stimulus",
  );
}

/**
 * The identity that `USER[:GROUP]` names.
 *
 * @throws {UsageError} If there is no such user or group, or if it is root.
 */
export function findIdentity(user: string): Identity {
  const [userName, groupName, ...more] = user.split(":");
  if (more.length > 0 || userName === "" || groupName === "") {
    throw new UsageError(`--user: "USER" or "USER:GROUP" is wanted, not ${JSON.stringify(user)}`);
  }
  const byNumber = DECIMAL.test(userName);
  const found = attempt(
    `Cannot look up user ${JSON.stringify(userName)}`,
    () => byNumber ? userByUid(asId(userName, "user")) : userByName(userName),
  );
  if (!byNumber && found === undefined) {
    throw new UsageError(
      `--user: there is no user ${JSON.stringify(userName)}; a number may be given instead`,
    );
  }
  const uid = asId(byNumber ? userName : String(found?.uid), "user");
  if (groupName === undefined) {
    if (found === undefined) {
      throw new UsageError(
        `--user: user id ${uid} has no group of its own; name one: --user ${uid}:GROUP`,
      );
    }
    return { uid, gid: asId(String(found.gid), "group") };
  }
  const gid = DECIMAL.test(groupName) ? Number(groupName) : attempt(
    `Cannot look up group ${JSON.stringify(groupName)}`,
    () => gidByName(groupName),
  );
  if (gid === undefined) {
    throw new UsageError(
      `--user: there is no group ${JSON.stringify(groupName)}; a number may be given instead`,
    );
  }
  return { uid, gid: asId(String(gid), "group") };
}

/** The most users of a range. */
const RANGE_LIMIT = 256;

/**
 * The identities that `FIRST-LAST[:GROUP]` or `USER[:GROUP]` names; without a group, each uid of a range has the gid of its number.
 *
 * @throws {UsageError} As {@linkcode findIdentity}, or if the range is empty or too long.
 */
export function findIdentities(user: string): Identity[] {
  const range = user.match(/^(\d{1,10})-(\d{1,10})(:.*)?$/);
  if (range === null) return [findIdentity(user)];
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (last < first || last - first >= RANGE_LIMIT) {
    throw new UsageError(
      `--user: a range of 1 to ${RANGE_LIMIT} users is wanted, not ${JSON.stringify(user)}`,
    );
  }
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const uid = first + i;
    return findIdentity(`${uid}${range[3] ?? `:${uid}`}`);
  });
}

/** Whether an id is mapped in a user namespace. Source: user_namespaces(7), `uid_map`. */
export function isMapped(id: number, map: string): boolean {
  return map.trim().split("\n").some((line) => {
    const [inside, , length] = line.trim().split(/\s+/).map(Number);
    return id >= inside && id < inside + length;
  });
}

function requireMapped({ uid, gid }: Identity): void {
  for (const [id, kind] of [[uid, "uid"], [gid, "gid"]] as const) {
    if (!isMapped(id, readTextFile(`/proc/self/${kind}_map`))) {
      throw new CannotAnswer(
        `${kind} ${id} is not mapped in this user namespace: no process here can become it (EINVAL)`,
        `Run outside the user namespace, map ${id} in /proc/PID/${kind}_map, or name a mapped one with --user`,
      );
    }
  }
}

function requireRoot(commandLine: string): void {
  if (Deno.uid() !== 0) {
    throw new CannotAnswer(
      `Not root (uid ${Deno.uid()}): a parent without privilege has none to drop`,
      `sudo ${commandLine}`,
    );
  }
  const missing = missingCapabilities(ALWAYS_NEEDED);
  if (missing.length > 0) throw new CannotAnswer(...describeMissing(missing));
}

/** What is held against the child's word stands in /proc, by process id. */
function requireProc(): void {
  const self = linkIn("/proc/self");
  if (self === String(Deno.pid)) return;
  const remedy = "mount -t proc proc /proc";
  if (self === undefined) {
    throw new CannotAnswer("/proc is not mounted: no process can be looked at", remedy);
  }
  throw new CannotAnswer(
    `/proc is that of another PID namespace: it calls this process ${self}, not ${Deno.pid}`,
    remedy,
  );
}

function linkIn(path: string): string | undefined {
  try {
    return readLink(path);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return undefined;
    throw error;
  }
}

function requireSetgroups(): void {
  if (readTextFile("/proc/self/setgroups").trim() === "deny") {
    throw new CannotAnswer(
      "setgroups is denied in this user namespace: supplementary groups cannot be dropped (EPERM)",
      "Run outside the user namespace, or make it with newgidmap(1) and setgroups allowed",
    );
  }
}

/**
 * Makes sure that an interface is up.
 *
 * @param consequence What cannot be done if it is down, for the error.
 * @throws {CannotAnswer} If it is down.
 */
export function requireUp(link: Link, consequence = "no packet can be received"): void {
  if (!link.up) {
    throw new CannotAnswer(
      `Interface "${link.name}" is down: ${consequence} (ENETDOWN)`,
      `ip link set ${link.name} up`,
    );
  }
}

function findStimulus(link: Link, stimulus: string | undefined): Link | undefined {
  if (stimulus === "none") return undefined;
  if (stimulus === undefined) return link.peer === undefined ? undefined : linkByIndex(link.peer);
  const injected = findLink(stimulus, "--stimulus:");
  if (injected.ifindex === link.ifindex && !link.loopback) {
    throw new UsageError(
      `--stimulus: frames injected at "${link.name}" leave by it and never arrive there; name its peer, or "none"`,
    );
  }
  return injected;
}

function requireReceivePath(path: ReceivePath): void {
  const reason = whyUnavailable(path);
  if (reason === undefined) return;
  throw new CannotAnswer(
    `A worker cannot receive by ${path} here: ${reason}`,
    "Choose another way with --receive, or allow it: sysctl kernel.io_uring_disabled=0",
  );
}

/**
 * Looks everything up.
 *
 * @param commandLine What would run fdpass again, for the remedy.
 * @param experiments Those whose options are looked up.
 * @throws {UsageError} If an argument is wrong.
 * @throws {CannotAnswer} If the run could show nothing here.
 */
export function findSetting(
  options: RunOptions,
  commandLine: string,
  experiments: readonly OptionsOwner[],
): Setting {
  const link = findLink(options.interface, "Interface");
  const stimulus = findStimulus(link, options.stimulus);
  const identities = findIdentities(options.user);
  const [identity] = identities;
  const own = findOptions(experiments, options.options, link);
  requireRoot(commandLine);
  requireProc();
  requireUp(link);
  if (stimulus !== undefined) requireUp(stimulus);
  for (const { name, options } of experiments) options?.require?.(own[name]);
  identities.forEach(requireMapped);
  requireSetgroups();
  const protections = options.harden ? ALL_PROTECTIONS : [];
  requireBirth();
  const { count, timeout, receive } = options;
  if (receive !== undefined) requireReceivePath(receive);
  return {
    link,
    stimulus,
    identity,
    identities,
    count,
    timeout: timeout && timeout * 1000,
    protections,
    receive,
    options: own,
  };
}
