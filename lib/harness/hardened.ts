/**
 * The parent's checks of a hardened worker, for every experiment that has one.
 *
 * @module
 */

import type { Identity } from "../../ffi/process/credentials.ts";
import { readLink } from "../../ffi/process/file.ts";
import type { PassedSockets } from "../confine/filter.ts";
import { judgeHardened } from "../confine/judge.ts";
import { launchBounding } from "../confine/launcher.ts";
import { ALL_PROTECTIONS } from "../confine/protections.ts";
import { CONFINEMENT_CHECKS } from "../evidence/checks.ts";
import { examineSecondLine } from "../confine/second_line.ts";
import type { View } from "../inspect/look.ts";
import type { Child } from "./child.ts";
import type { CheckId } from "../evidence/checks.ts";
import type { Finding, SeenBy } from "../evidence/evidence.ts";

/** The sockets and the receive path of a hardened worker. */
export interface HardenedWorker extends PassedSockets {
  /** Whether it receives by an io_uring. */
  readonly ioUring: boolean;
  /** A look at it before it was hardened. */
  readonly before?: View;
}

/** The run that the checks are recorded in. */
export interface CheckedRun {
  /** `identity` is the user that the worker has become. */
  readonly setting: { readonly identity: Identity };
  check(id: CheckId, finding: Finding, seenBy: readonly SeenBy[]): void;
}

/**
 * Looks at a hardened worker from outside, and records HARD-01 to HARD-05.
 *
 * @throws {CannotLook} Where the worker may not be looked at.
 * @throws {ExperimentError} If it has given up, has ended, or has too much to look at.
 */
export function checkHardened(run: CheckedRun, child: Child, worker: HardenedWorker): void {
  const { packetFd, egressFd, ioUring, before } = worker;
  const linkOf = (fd: number) => readLink(`/proc/self/fd/${fd}`);
  const view = child.look({
    expected: {
      passed: linkOf(packetFd),
      egress: egressFd === undefined ? undefined : linkOf(egressFd),
      ring: ioUring,
    },
  });
  const secondLine = examineSecondLine(child.pid, packetFd);
  const filters = child.filters(worker, ioUring);
  const bounding = launchBounding(ALL_PROTECTIONS);
  const seen = { view, before, secondLine, filters, bounding };
  const findings = judgeHardened(seen, run.setting.identity);
  for (const id of CONFINEMENT_CHECKS) {
    // Without a look before, only the worker reports which threads are the later ones.
    const alsoRestsOnChild = id === "HARD-02" && before === undefined;
    run.check(id, findings[id], alsoRestsOnChild ? ["parent", "child"] : ["parent"]);
  }
}
