/**
 * An operation that a compromised worker may try, and one attempt at it.
 *
 * An attempt counts as `allowed` only if its *effect* was seen, where there is an effect to see: a
 * frame arrived at the parent's witness, or a frame of another interface was received. A call that
 * returns 0 is not enough.
 *
 * @module
 */

import type { WorkerDescriptors } from "../../confine/descriptors.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import type { EarlyRings } from "../../confine/early_rings.ts";
import type { Protection } from "../../confine/protections.ts";
import { NOT_TRIED } from "../../evidence/evidence.ts";
import type { OperationName } from "../../evidence/operations.ts";
import type { Target } from "./orders.ts";

/**
 * The outcome of an attempt: `allowed`, `no effect` (the call returned 0 and nothing happened),
 * {@linkcode NOT_TRIED}, or the name of the errno.
 */
export type Outcome = string;

/**
 * Where the parent looks for a frame: at the far end of the veth pair, or at the other interface.
 */
export type WitnessName = "far" | "other";

/** The descriptors, numbers and calls that an attacker inside the worker can use. */
export interface Attacker extends Target, Pick<WorkerDescriptors, "packetFd"> {
  /**
   * Rings made before the drop; the error if they cannot be made here; null in a process that does
   * not need them.
   */
  readonly rings: EarlyRings | SystemError | null;
  /** Has the parent send a frame to the other interface. */
  provoke(): void;
}

/** An operation of the catalogue, with the outcome expected of it, and the attempt. */
export interface Operation {
  readonly name: OperationName;
  /**
   * The outcome with the socket as it was passed. Where kernel settings decide, a function that
   * reads them.
   */
  readonly plain: Outcome | (() => Outcome);
  /** Returns why the operation cannot be tried on this machine; `undefined` if it can. */
  readonly whyNotTried?: () => string | undefined;
  /** The outcomes under a single protection, where they differ from `plain`. */
  readonly under?: { readonly [protection in Protection]?: Outcome };
  /**
   * The outcome under all protections, where another protection refuses the operation before the
   * receive-only filter does.
   */
  readonly hardened?: Outcome;
  /**
   * The same for a worker that receives by a ring and may therefore enter one: its ring took over
   * the number of the early ring, which was closed.
   */
  readonly hardenedWithRing?: Outcome;
  /** Where the parent must see a frame that carries the operation's name. */
  readonly witness?: WitnessName;
  /**
   * Attempts the operation, and undoes it where possible.
   *
   * @returns false if it had no effect; {@linkcode NOT_TRIED} if it could not be tried.
   * @throws {SystemError} If the kernel refuses.
   */
  attempt(attacker: Attacker): boolean | void | typeof NOT_TRIED;
}

/** The result of one attempt. */
export interface Attempt {
  readonly outcome: Outcome;
  /** The system call that was refused; null if none was. */
  readonly syscall: string | null;
  /** The kernel's refusal, or why the operation could not be tried; null otherwise. */
  readonly refusal: string | null;
}

/**
 * Attempts an operation.
 *
 * @throws Any error other than a refusal by the kernel.
 */
export function attemptOperation({ attempt }: Operation, attacker: Attacker): Attempt {
  try {
    const result = attempt(attacker);
    const outcome = result === NOT_TRIED ? result : result === false ? "no effect" : "allowed";
    const hasNoRings = outcome === NOT_TRIED && attacker.rings instanceof SystemError;
    return { outcome, syscall: null, refusal: hasNoRings ? attacker.rings.message : null };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { outcome: error.code, syscall: error.syscall, refusal: error.message };
  }
}
