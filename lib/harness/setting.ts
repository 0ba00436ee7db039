/**
 * The setting of a run: the interfaces, users and protections that its options name. Whatever would
 * spoil the run is found here, before anything is opened.
 *
 * @module
 */

import { PR_SET_DUMPABLE } from "../../ffi/abi/constants.ts";
import type { Identity } from "../../ffi/process/credentials.ts";
import { prctl } from "../../ffi/process/process.ts";
import { requireLauncher } from "../confine/launcher.ts";
import { ALL_PROTECTIONS, type Protection } from "../confine/protections.ts";
import { CannotAnswer } from "../evidence/errors.ts";
import { requireSupervisor } from "../host/supervisor.ts";
import { findLink, findStimulus, requireCarrier, requireUp } from "../host/interfaces.ts";
import {
  findIdentities,
  requireChangeableIds,
  requireMapped,
  requireSetgroups,
} from "../host/users.ts";
import { asInterface, type Interface } from "../packets/link_layer.ts";
import { type ReceivePath, whyUnavailable } from "../receive/mod.ts";
import { findOptions, type OptionsByExperiment, type OptionsOwner } from "./options.ts";

/** The options of a run, before any name is looked up. */
export interface RunOptions {
  /** The interface under test. */
  readonly interface: string;
  /** Packets to receive. */
  readonly count: number;
  /** The longest that an experiment may take, in seconds; `undefined` for its default limit. */
  readonly timeout: number | undefined;
  /** The user that children become: `USER[:GROUP]`, by name or number. */
  readonly user: string;
  /** Where frames are injected: an interface, `"none"`, or `undefined` for the veth peer. */
  readonly stimulus: string | undefined;
  /** Whether all protections harden the worker. */
  readonly harden: boolean;
  /** The worker's receive path; `undefined` for the default of each experiment. */
  readonly receive: ReceivePath | undefined;
  /** The options that experiments own. */
  readonly options: OptionsByExperiment;
}

/** The setting of a run: the kernel's view of {@linkcode RunOptions}. */
export interface Setting {
  /** The interface under test. */
  readonly link: Interface;
  /** The interface where frames are injected; `undefined` for no stimulus. */
  readonly stimulus: Interface | undefined;
  /** The identity that children become. */
  readonly identity: Identity;
  /** All identities of a range of users; the first is `identity`. */
  readonly identities: readonly Identity[];
  /** Packets to receive. */
  readonly count: number;
  /** In milliseconds; `undefined` for the default limit of each experiment. */
  readonly timeout: number | undefined;
  /** The protections of the worker; empty unless it is hardened. */
  readonly protections: readonly Protection[];
  /**
   * The worker's receive path; `undefined` for the default, and for all of them in `receive-paths`.
   */
  readonly receive: ReceivePath | undefined;
  /** The options that experiments own, with every name looked up. */
  readonly options: OptionsByExperiment;
}

/**
 * Looks up every name, and checks that the machine can answer.
 *
 * @param commandLine The command that runs fdpass again, for the remedy.
 * @param experiments The experiments whose options are looked up.
 * @throws {UsageError} If an option is wrong.
 * @throws {CannotAnswer} If the run could show nothing here.
 * @throws {SystemError} If root is refused a call that finds out.
 */
export function findSetting(
  options: RunOptions,
  commandLine: string,
  experiments: readonly OptionsOwner[],
): Setting {
  const link = asInterface(findLink(options.interface, "Interface"));
  const far = findStimulus(link, options.stimulus);
  const stimulus = far && asInterface(far);
  const identities = findIdentities(options.user);
  const [identity] = identities;
  const own = findOptions(experiments, options.options, link);
  requireSupervisor(`sudo ${commandLine}`);
  // Until its drop, a child has the same uid, and perhaps the same capabilities. It must not trace
  // its judge, which needs CAP_SYS_PTRACE now.
  if (Deno.uid() !== 0) prctl(PR_SET_DUMPABLE, 0);
  requireUp(link);
  if (stimulus !== undefined) requireUp(stimulus);
  for (const each of [link, stimulus]) if (each !== undefined) requireCarrier(each);
  for (const { name, options } of experiments) options?.require?.(own[name]);
  identities.forEach(requireMapped);
  requireSetgroups();
  requireChangeableIds();
  const protections = options.harden ? ALL_PROTECTIONS : [];
  requireLauncher();
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

function requireReceivePath(path: ReceivePath): void {
  const reason = whyUnavailable(path);
  if (reason === undefined) return;
  throw new CannotAnswer(
    `A worker cannot receive by ${path} here: ${reason}`,
    "Choose another receive path with --receive, or allow it: sysctl kernel.io_uring_disabled=0",
  );
}
