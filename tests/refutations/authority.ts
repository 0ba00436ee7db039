/**
 * Workers of `authority` that disobey their orders, each by one override of the child's run.
 *
 * @module
 */

import { close, O_RDWR, O_TMPFILE, open } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { authority } from "../../lib/experiments/authority/experiment.ts";
import { WORKER, type WorkerOrders } from "../../lib/experiments/authority/orders.ts";
import { expectedOutcome } from "../../lib/experiments/authority/expected_outcome.ts";
import type { Operation, Outcome } from "../../lib/experiments/authority/operation.ts";
import { OPERATIONS } from "../../lib/experiments/authority/operations.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { trustMe, withoutFilter, withoutStage4 } from "./refutation.ts";

/** Changes the protections that a worker (not a sibling) takes from its orders. */
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

/**
 * Has a worker report an outcome of its own choice for each attempt, whatever really came of it.
 */
function onOutcome(run: ChildRun, say: (operation: Operation) => Outcome): void {
  const honest = run.reached.bind(run);
  const operations = OPERATIONS.values();
  run.reached = (stage, detail) => {
    if (stage !== "attempted") return honest(stage, detail);
    honest(stage, { ...detail, outcome: say(operations.next().value!) });
  };
}

/** What goes wrong in a worker, by name; `none` changes nothing. */
export const AUTHORITY_DEFECTS: { readonly [name: string]: (run: ChildRun) => void } = {
  "none": () => {},
  "unprotected": (run) => onOrders(run, withoutStage4),
  "unprotected-liar": (run) => {
    onOrders(run, withoutStage4);
    trustMe(run);
  },
  "file-left-open": (run) =>
    onOrders(run, (ordered, forgottenFd) => {
      open("/tmp", O_TMPFILE | O_RDWR); // a file without a name, before the ids change, so root's
      close(forgottenFd);
      return ordered.filter((each) => each !== "closed-descriptors");
    }),
  "file-left-open-liar": (run) => {
    AUTHORITY_DEFECTS["file-left-open"](run);
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
      while (stage === "ready" && detail?.fd === undefined); // a worker, not a sibling
    };
  },
};

/** The experiment with a defect in its child. */
export function defectiveAuthority(defect: string) {
  return {
    ...authority,
    child: (run: ChildRun) => {
      AUTHORITY_DEFECTS[defect](run);
      return authority.child(run);
    },
  };
}
