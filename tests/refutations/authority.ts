/**
 * Workers that are not what the parent takes them for, each by one piece of the child that is replaced.
 *
 * @module
 */

import { close, open } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { authority } from "../../lib/experiments/authority/experiment.ts";
import { WORKER, type WorkerOrders } from "../../lib/experiments/authority/orders.ts";
import {
  expectedOutcome,
  type Operation,
  OPERATIONS,
  type Outcome,
} from "../../lib/experiments/authority/operations.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { trustMe, withoutFilter, withoutStage4 } from "./refutation.ts";

const O_RDWR = 2, O_TMPFILE = 0o20200000; // a file without a name

/** Lets a worker, not a sibling, begin with something of its own, and understand its orders in its own way. */
function onOrders(
  run: ChildRun,
  change: (ordered: readonly Protection[], forgottenFd: number) => readonly Protection[],
): void {
  const honest = run.receive.bind(run);
  run.receive = (expected, descriptors) => {
    const delivery = honest(expected, descriptors);
    if (expected !== WORKER) return delivery;
    const message = delivery.message as WorkerOrders;
    if (message.target !== null) {
      const protections = change(message.protections, message.target.forgottenFd);
      Object.assign(message, { protections });
    }
    return delivery;
  };
}

/** Has a worker say of each attempt, whatever came of it, what it likes. */
function onOutcome(run: ChildRun, say: (operation: Operation) => Outcome): void {
  const honest = run.reached.bind(run);
  const operations = OPERATIONS.values();
  run.reached = (stage, detail) => {
    if (stage !== "attempted") return honest(stage, detail);
    honest(stage, { ...detail, outcome: say(operations.next().value!) });
  };
}

/** How a worker goes wrong, by name; `none` does not. */
export const AUTHORITY_FAULTS: { readonly [name: string]: (run: ChildRun) => void } = {
  "none": () => {},
  "unprotected": (run) => onOrders(run, withoutStage4),
  "unprotected-liar": (run) => {
    onOrders(run, withoutStage4);
    trustMe(run);
  },
  "file-left-open": (run) =>
    onOrders(run, (ordered, forgottenFd) => {
      open("/tmp", O_TMPFILE | O_RDWR); // before the ids change, so root's
      close(forgottenFd);
      return ordered.filter((each) => each !== "closed-descriptors");
    }),
  "file-left-open-liar": (run) => {
    AUTHORITY_FAULTS["file-left-open"](run);
    trustMe(run);
  },
  "attacks-and-claims-refusal": (run) => {
    onOrders(run, withoutFilter);
    onOutcome(run, (operation) => expectedOutcome(operation, "hardened"));
  },
  "claims-success": (run) => onOutcome(run, () => "allowed"),
  "protects-itself-unasked": (run) =>
    onOrders(run, (ordered) => ordered.length === 0 ? ["no-new-privs"] : ordered),
  "leaves-out-one": (run) =>
    onOrders(
      run,
      (ordered) => ordered.length === 1 && ordered[0] === "no-new-privs" ? [] : ordered,
    ),
  "keeps-its-frames": (run) => {
    run.packet = () => {};
  },
  "hangs": (run) => {
    const honest = run.reached.bind(run);
    run.reached = (stage, detail) => {
      honest(stage, detail);
      while (stage === "ready" && detail?.fd === undefined); // not a sibling
    };
  },
};

/** The child with a fault. */
export function faultyAuthority(fault: string) {
  return {
    ...authority,
    child: (run: ChildRun) => {
      AUTHORITY_FAULTS[fault](run);
      return authority.child(run);
    },
  };
}
