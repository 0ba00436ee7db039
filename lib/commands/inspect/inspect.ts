/**
 * The program of an inspection: what the kernel reports of a running process, and a verdict.
 *
 * Nothing rests on the word of the process. It is looked at twice, and the worse of two findings
 * counts. Without `--ask` it is neither stopped nor changed.
 *
 * @module
 */

import { CannotAnswer, CannotLook, CutShort, TimeRanOut } from "../../evidence/errors.ts";
import type { ExperimentEvidence, Failure, Finding } from "../../evidence/evidence.ts";
import type { InspectedProcess } from "../../evidence/inspected.ts";
import { ExperimentRecord } from "../../evidence/record.ts";
import { endsAnExperiment, remedyFor } from "../../harness/blame.ts";
import { systemSetting } from "../../host/kernel.ts";
import { overflowIds } from "../../host/users.ts";
import { pause } from "../../host/pause.ts";
import { seeAccomplices } from "../../inspect/processes/accomplices.ts";
import { askDaemon } from "../../inspect/asking/asking.ts";
import { seeDaemon } from "../../inspect/daemon.ts";
import { holesOf } from "../../inspect/holes/holes_of.ts";
import { predict, type PredictedMatrix } from "../../inspect/prediction/predict.ts";
import { type Kernel, parseKernel } from "../../inspect/holes/kernel_version.ts";
import { whyRingWithoutTrace } from "../../inspect/sockets/ring_without_trace.ts";
import { seePacketSockets } from "../../inspect/sockets/socket_state.ts";
import type { AskedDaemon, SeenDaemon } from "../../inspect/subject.ts";
import { concludeInspection } from "./conclusion.ts";
import { type InspectionCheckId, INSPECTIONS } from "./description.ts";
import { judgeProcess, type Seen, worseOf } from "./judge.ts";
import { asMatrix } from "./matrix.ts";
import type { Terms } from "./options.ts";
import { describeFilters } from "./shown.ts";

/** How a process is inspected. */
export interface InspectHow {
  readonly terms: Terms;
  /** Whether to stop it for a moment, and ask in its threads. */
  readonly ask: boolean;
  /** The longest that it may take, in milliseconds. */
  readonly timeout: number;
  /** Ends the inspection early; its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** Resolves when every signal sent so far has reached `signal`. */
  readonly settled: () => Promise<void>;
}

/** The result of the inspection of one process. */
export interface Inspection {
  readonly evidence: ExperimentEvidence;
  /** Why there is no answer; null if there is one. */
  readonly failure: Failure | null;
}

/**
 * Inspects one process.
 *
 * @returns Its evidence, even if it cannot be seen: then every check is skipped, with the reason.
 * @throws An error that is a defect of fdpass.
 */
export async function inspectProcess(pid: number, how: InspectHow): Promise<Inspection> {
  const { terms, timeout, signal, settled } = how;
  const description = { ...INSPECTIONS[terms.expect], title: `Process ${pid}` };
  const record = new ExperimentRecord(description);
  const deadline = performance.now() + timeout;
  /** Lets signals and the time limit end the inspection between two looks. */
  const next = async () => {
    await pause(0);
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new TimeRanOut(timeout);
  };
  try {
    await next();
    record.step("parent", true, `Looking at process ${pid}...`);
    const first = look(pid, deadline);
    description.title = `Process ${pid} (${first.daemon.shown.name})`;
    await next();
    const { asked, unasked } = how.ask ? ask(first.daemon) : NOT_WANTED;
    await next();
    const last = look(pid, deadline);
    await next();
    const accomplices = seeAccomplices(pid, [first, last].flatMap(({ daemon }) => daemon.sharers));
    await settled();
    signal.throwIfAborted();

    const others = { accomplices, overflow: overflowIds() };
    const seen = [first, last].map((each) => seenOf(each, { asked, unasked }, others));
    const [earlier, later] = seen.map((each) => judgeProcess(each, terms));
    const worst = new Map(
      [...earlier].map(([id, finding]) => [id, worseOf(finding, later.get(id)!)]),
    );
    record.process(shownOf(last, asked, seen[1].predictions));
    record.matrix(asMatrix(seen[1].predictions, terms));
    for (const [id, finding] of worst) record.decide(id, finding, ["parent"]);
    report(record, last, worst);
    const conclusion = concludeInspection({ daemon: last.daemon, asked }, worst, terms);
    return { evidence: record.close(conclusion, null), failure: null };
  } catch (error) {
    const failure = asFailure(error, pid);
    const message = failure.remedy === null
      ? failure.message
      : `${failure.message}. ${failure.remedy}`;
    return { evidence: record.close(null, { message, isChilds: false }), failure };
  }
}

/** One look at a process, while it runs. */
interface Look {
  readonly daemon: SeenDaemon;
  readonly sockets: ReturnType<typeof seePacketSockets>;
}

function look(pid: number, deadline: number): Look {
  const daemon = seeDaemon(pid, undefined, deadline - performance.now());
  return { daemon, sockets: seePacketSockets(daemon) };
}

/** The answers of a process, or why there are none. */
interface Answered {
  readonly asked: AskedDaemon | undefined;
  readonly unasked: readonly string[];
}

const NOT_WANTED: Answered = { asked: undefined, unasked: [] };

/** Asks a process. If it cannot be asked, what its credentials show can still be judged. */
function ask(daemon: SeenDaemon): Answered {
  try {
    return { asked: askDaemon(daemon), unasked: [] };
  } catch (error) {
    if (!(error instanceof CannotLook)) throw error;
    return { asked: undefined, unasked: [error.message] };
  }
}

function seenOf(
  { daemon, sockets }: Look,
  { asked, unasked }: Answered,
  others: Pick<Seen, "accomplices" | "overflow">,
): Seen {
  const subject = { daemon, sockets: sockets.states, asked };
  const ringWithoutTrace = whyRingWithoutTrace(sockets, asked);
  const wasLeftAlone = asked === undefined && unasked.length === 0;
  return {
    subject,
    predictions: predict(subject),
    hidden: sockets.certainlyHidden,
    possiblyHidden: [
      ...sockets.hidden.filter((each) => !sockets.certainlyHidden.includes(each)),
      ...ringWithoutTrace === undefined || wasLeftAlone ? [] : [ringWithoutTrace],
    ],
    onlyAskingTells: wasLeftAlone ? ringWithoutTrace : undefined,
    missingSockets: sockets.missing,
    unseenPlaces: sockets.unseenPlaces,
    otherSenders: sockets.otherSenders,
    unasked,
    ...others,
  };
}

/** Everything that was seen, as the evidence has it. */
function shownOf(
  { daemon, sockets }: Look,
  asked: AskedDaemon | undefined,
  predictions: PredictedMatrix,
): InspectedProcess {
  return {
    ...daemon.shown,
    packet_sockets: sockets.shown,
    hidden: sockets.hidden,
    filters: asked === undefined ? null : describeFilters(asked.threads),
    stopped_ms: asked?.stopped ?? 0,
    known_holes: holesOf(thisKernel(), { predictions, sockets }),
    unseen: [...daemon.shown.unseen, ...sockets.unseen],
  };
}

function thisKernel(): Kernel {
  return parseKernel(systemSetting("kernel/osrelease", ""), systemSetting("kernel/version", ""));
}

/** Adds the lines of the transcript: the checks, by what they are about. */
function report(
  record: ExperimentRecord,
  { sockets }: Look,
  findings: ReadonlyMap<InspectionCheckId, Finding>,
): void {
  const line = (kind: "note" | "done", text: string, ...checks: InspectionCheckId[]) =>
    record.line({ kind, text, checks: checks.filter((id) => findings.has(id)) });
  line("done", "Programs that it executes", "INSP-01");
  line("done", "Credentials of every thread", "INSP-02", "INSP-03", "INSP-04");
  line("done", "What they allow", "INSP-05", "INSP-06");
  line("done", "Packet sockets", "INSP-07");
  if (sockets.states.length === 0) {
    line("note", "It holds no packet socket: this is about its privileges alone");
  }
  if (findings.has("INSP-08")) line("done", "Confinement", "INSP-08", "INSP-09", "INSP-10");
}

/**
 * Returns the reason why a process cannot be inspected.
 *
 * @throws The error, if it is a defect of fdpass.
 */
function asFailure(error: unknown, pid: number): Failure {
  if (error instanceof CannotAnswer || error instanceof CutShort) {
    return { message: error.message, remedy: error.remedy };
  }
  if (!endsAnExperiment(error)) throw error;
  return { message: `Cannot inspect process ${pid}: ${error.message}`, remedy: remedyFor(error) };
}
