/**
 * The findings of a look at the child: pure functions of what was seen.
 *
 * @module
 */

import { Errno } from "../../ffi/abi/errno.ts";
import { type Finding, judged } from "../evidence/evidence.ts";
import type { View } from "./look.ts";
import { type Answers, describeAnswer, FORBIDDEN, type Forbidden } from "./asking/questions.ts";
import { CAPABILITY_SETS, groupAlike, type ThreadCredentials } from "./threads/threads.ts";

/** PASS-01: the child holds no packet socket, openly or hidden. */
export function judgeAbsence({ packetSockets, descriptors, processes }: View): Finding {
  const holds = packetSockets.length === 0 && processes.length === 1;
  return judged(
    holds,
    holds
      ? `no packet socket among ${descriptors.length} descriptors, none hidden`
      : [...packetSockets, ...processes.slice(1).map((pid) => `process ${pid}`)].join(", "),
    { packet_sockets: packetSockets, processes, descriptors: listed(descriptors) },
  );
}

/** PASS-02: between two looks the child has gained exactly one packet socket. */
export function judgeArrival(before: View, after: View): Finding {
  return judged(
    before.packetSockets.length === 0 && after.packetSockets.length === 1,
    `${before.packetSockets.length} packet sockets before the message, ` +
      `${after.packetSockets.length} after it`,
    { before: listed(before.descriptors), after: listed(after.descriptors) },
  );
}

/**
 * PASS-03: the child's packet socket is the parent's.
 *
 * @param isSame Whether the two descriptors refer to one open file description (kcmp(2)).
 * @param link The link of the passed socket.
 */
export function judgeSameSocket(isSame: boolean, link: string, { packetSockets }: View): Finding {
  const isOnly = packetSockets.every((each) => each === link) && packetSockets.length > 0;
  return judged(
    isSame && isOnly,
    isSame && isOnly
      ? `one open file description, ${link}`
      : `${isSame ? "one open file description" : "another open file description"}; the child ` +
        `has ${packetSockets.join(", ") || "no packet socket"}, and ${link} was sent`,
    { call: "kcmp(KCMP_FILE)", same: isSame, sent: link, held: packetSockets },
  );
}

/**
 * PASS-03 again, after the parent's copy is closed: the child holds the passed socket and no other.
 */
export function judgeStillHeld(link: string, { packetSockets }: View): Finding {
  const holds = packetSockets.length > 0 && packetSockets.every((each) => each === link);
  return judged(
    holds,
    holds
      ? `${link} still held`
      : `the child has ${packetSockets.join(", ") || "no packet socket"}`,
    { sent: link, held: packetSockets },
  );
}

/**
 * DROP-05, at launch: no program that the child executes can gain a privilege, and the child has no
 * capability beyond those allowed.
 *
 * @param most The capabilities that it may have, as a set of bits.
 * @param bounding Its largest bounding set. It may have more where the parent cannot take it away;
 * under no_new_privs execve(2) grants nothing of it.
 */
export function judgeLaunch({ threads }: View, most: bigint, bounding = most): Finding {
  const isBound = ({ noNewPrivs, capabilities }: ThreadCredentials) =>
    noNewPrivs === 1 &&
    CAPABILITY_SETS.every((set) =>
      (BigInt(`0x${capabilities[set]}`) & ~(set === "CapBnd" ? bounding : most)) === 0n
    );
  const loose = threads.filter((thread) => !isBound(thread));
  return judged(
    threads.length > 0 && loose.length === 0,
    loose.length === 0
      ? `NoNewPrivs on ${threads.length} threads at launch`
      : `${loose.length} of ${threads.length} threads had more privilege at launch than allowed`,
    { born: groupAlike(threads, ({ tid: _, ...seen }) => seen) },
  );
}

/** DROP-05: no thread can become root again, and the child has no foothold that is still root's. */
export function judgeRefusedRoot({ answers, footholds }: View): Finding {
  const { holds, observed, evidence } = answersTo(["setgroups", "setresgid", "setresuid"], answers);
  return judged(
    holds && footholds.length === 0,
    footholds.length === 0 ? observed : `${observed}; and the child has ${footholds.join(", ")}`,
    { ...evidence, footholds },
  );
}

/**
 * DENY-01: no thread can create a packet socket after the drop, and the same call succeeded before.
 *
 * @param control The errno of the call before the drop. If it is not 0, a refusal after the drop
 * shows nothing.
 * @param by The process that made the call before the drop.
 */
export function judgeRefusedSocket(
  control: number,
  { answers }: View,
  by: "child" | "parent" = "child",
): Finding {
  const { holds, observed, evidence } = answersTo(["socket"], answers);
  const before = control === 0 ? "created" : describeAnswer(control);
  return judged(
    control === 0 && holds,
    `${
      by === "child" ? "before the drop" : "control by the parent"
    }: ${before}; after the drop: ${observed}`,
    { control: before, control_by: by, ...evidence },
  );
}

/**
 * Returns whether every thread was refused each call with EPERM, with its filters and beneath them.
 */
function answersTo(
  calls: readonly Forbidden[],
  answers: View["answers"],
): { holds: boolean; observed: string; evidence: Record<string, unknown> } {
  const given = answers.flatMap(({ tid, asItIs, beneath }) => [
    { tid, wall: "as it is", answers: asItIs },
    ...beneath === null ? [] : [{ tid, wall: "beneath its filter", answers: beneath }],
  ]);
  const wrong = given.flatMap(({ tid, wall, answers }) =>
    calls.filter((call) => answers[call] !== Errno.EPERM).map((call) =>
      `${FORBIDDEN[call]} ${describeAnswer(answers[call])} on thread ${tid}, ${wall}`
    )
  );
  const isFiltered = answers.some(({ beneath }) => beneath !== null);
  return {
    holds: answers.length > 0 && wrong.length === 0,
    observed: answers.length === 0
      ? "no thread was asked"
      : wrong.length === 0
      ? `EPERM on ${answers.length} threads${isFiltered ? ", beneath the filter too" : ""}`
      : wrong.slice(0, 3).join("; "),
    evidence: {
      asked: calls.map((call) => FORBIDDEN[call]),
      threads: groupAlike(answers, ({ asItIs, beneath }) => ({
        as_it_is: named(calls, asItIs),
        beneath: beneath && named(calls, beneath),
      })),
    },
  };
}

function named(calls: readonly Forbidden[], answers: Answers): Record<string, string> {
  return Object.fromEntries(calls.map((call) => [call, describeAnswer(answers[call])]));
}

function listed(descriptors: View["descriptors"]): Record<string, string> {
  return Object.fromEntries(descriptors.map(({ fd, refersTo }) => [fd, refersTo]));
}
