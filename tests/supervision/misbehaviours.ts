/**
 * The ways in which a worker of the supervisor can misbehave, by name. One seat of two has such
 * workers; those of the other work as they should.
 *
 * @module
 */

import { close, poll, POLLIN, sendDescriptors, sleep } from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { sendMessage } from "../../lib/harness/channel.ts";
import { onProtections, onStage, withoutFilter, withoutStage4 } from "../refutations/refutation.ts";

/** The uid that the workers of the misbehaving seat become. */
export const MISBEHAVING = 60002;

/** The value that a worker stores everywhere when it forges its progress. */
export const FORGED = 0xfffffff0;

/** A way to misbehave. */
export interface Misbehaviour {
  readonly what: string;
  /** Matches the reason that the supervisor records for the end of each such worker. */
  readonly reason: RegExp;
  /**
   * Whether the seat is given up. If not, workers are replaced, and its frames are received too.
   */
  readonly isGivenUp: boolean;
  /** Changes the child's run before its program begins. */
  readonly misbehave: (run: ChildRun) => void;
}

const FOR_EVER = 1 << 30;

/** Does something after some frames: when the worker waits for the third time and gets more. */
function afterSomeFrames(run: ChildRun, deed: () => void): void {
  let times = 0;
  const honest = run.readable.bind(run);
  run.readable = (fd) => {
    const what = honest(fd);
    if (what === "descriptor" && ++times === 3) deed();
    return what;
  };
}

/** Makes the worker go on as if there were no supervisor. */
function ignoreParent(run: ChildRun): void {
  run.hasMessage = () => false;
  run.readable = (fd) => {
    while (poll([fd], POLLIN, FOR_EVER)[0] === 0);
    return "descriptor";
  };
}

function sendRaw(run: ChildRun, text: string | Uint8Array<ArrayBuffer>, fds: number[] = []): void {
  const data = typeof text === "string" ? new TextEncoder().encode(text) : text;
  sendDescriptors(run.channelFd, fds, { data });
}

/** Sends something that is not permitted, after some frames. */
const saying = (text: string | Uint8Array<ArrayBuffer>) => (run: ChildRun) =>
  afterSomeFrames(run, () => {
    sendRaw(run, text);
    sleep(FOR_EVER);
  });

/** Does something once the worker has its socket, before it is ready. */
const atTheStart = (deed: () => void) => (run: ChildRun) => {
  const honest = run.receive.bind(run);
  run.receive = (type, descriptors) => {
    const delivery = honest(type, descriptors);
    deed();
    return delivery;
  };
};

const BROKE = /broke the protocol/;

/** Every misbehaviour, by name. */
export const MISBEHAVIOURS: { readonly [name: string]: Misbehaviour } = {
  "exits": {
    what: "exits at once",
    reason: /The child ended early, with exit status 3$/,
    isGivenUp: true,
    misbehave: atTheStart(() => Deno.exit(3)),
  },
  "exits-with-message": {
    what: "exits with a message",
    reason: /exit status 1: this machine has no memory/,
    isGivenUp: true,
    misbehave: atTheStart(() => {
      Deno.stderr.writeSync(new TextEncoder().encode("this machine has no memory\n"));
      Deno.exit(1);
    }),
  },
  "gives-up": {
    what: "reports that it gives up",
    reason: /The child gave up: no reason/,
    isGivenUp: true,
    misbehave: atTheStart(() => {
      throw new Error("no reason");
    }),
  },
  "never-ready": {
    what: "never reports that it is ready",
    reason: /not "ready" within/,
    isGivenUp: true,
    misbehave: atTheStart(() => sleep(FOR_EVER)),
  },
  "never-reads": {
    what: "does not even read its orders",
    reason: /not "ready" within/,
    isGivenUp: true,
    misbehave: () => {
      while (true);
    },
  },
  "crashes": {
    what: "crashes after some frames",
    reason: /exit status 9/,
    isGivenUp: false,
    misbehave: (run) => afterSomeFrames(run, () => Deno.exit(9)),
  },
  "throws": {
    what: "gives up after some frames",
    reason: /The child gave up: no more/,
    isGivenUp: false,
    misbehave: (run) =>
      afterSomeFrames(run, () => {
        throw new Error("no more");
      }),
  },
  "hangs": {
    what: "hangs in an endless loop after some frames",
    reason: /not "alive" within/,
    isGivenUp: false,
    misbehave: (run) =>
      afterSomeFrames(run, () => {
        while (true);
      }),
  },
  "deaf": {
    what: "stops reading the control channel but keeps receiving",
    reason: /not "alive" within/,
    isGivenUp: false,
    misbehave(run) {
      const honest = run.word.bind(run);
      run.word = () => {
        ignoreParent(run);
        return honest();
      };
    },
  },
  "floods": {
    what: "floods the control channel with 100,000 messages",
    reason: /The child sent a message without being asked: it is at "alive"/,
    isGivenUp: false,
    misbehave: (run) =>
      afterSomeFrames(run, () => {
        for (let i = 0; i < 100_000; i++) run.reached("alive");
      }),
  },
  "unasked": {
    what: "reports a stage that does not exist",
    reason: /it is at "nothing"$/,
    isGivenUp: false,
    misbehave: saying(JSON.stringify({ type: "reached", stage: "nothing", detail: {} })),
  },
  "floods-at-the-start": {
    what: "floods the control channel before it is ready",
    reason: /sent "note", which is not permitted here/,
    isGivenUp: true,
    misbehave(run) {
      const message = { type: "note", text: "x".repeat(4000), checks: [] };
      for (let i = 0; i < 100_000; i++) sendMessage(run.channelFd, message, [], FOR_EVER);
    },
  },
  "talks-too-early": {
    what: "reports twice that it is ready",
    reason: /did not wait for its order to receive|it is at "ready"/,
    isGivenUp: true,
    misbehave(run) {
      const honest = run.reached.bind(run);
      run.reached = (stage, detail) => {
        honest(stage, detail);
        honest(stage, detail);
      };
    },
  },
  "no-json": {
    what: "sends a message that is not JSON",
    reason: BROKE,
    isGivenUp: false,
    misbehave: saying("{ready"),
  },
  "no-text": {
    what: "sends a message that is not UTF-8",
    reason: BROKE,
    isGivenUp: false,
    misbehave: saying(Uint8Array.of(0xff, 0xfe, 0x00)),
  },
  "deep": {
    what: "sends deeply nested JSON",
    reason: BROKE,
    isGivenUp: false,
    misbehave: saying("[".repeat(60_000)),
  },
  "wrong-types": {
    what: "sends a message whose fields have the wrong types",
    reason: BROKE,
    isGivenUp: false,
    misbehave: saying(JSON.stringify({ type: "reached", stage: ["alive"], detail: null })),
  },
  "judges": {
    what: "judges a check of the supervisor",
    reason: /sent "check", which is not permitted here/,
    isGivenUp: false,
    misbehave: saying(JSON.stringify({
      type: "check",
      id: "SUPER-01",
      status: "pass",
      observed: "trust me",
      evidence: {},
    })),
  },
  "wrong-cookie": {
    what: "reports a cookie that is not text",
    reason: BROKE,
    isGivenUp: true,
    misbehave: (run) => onStage(run, "ready", () => ({ cookie: { toString: "1" } })),
  },
  "empty": {
    what: "sends an empty message",
    reason: /broke the protocol: a message is empty/,
    isGivenUp: false,
    misbehave: saying(""),
  },
  "huge": {
    what: "sends a message that is too long",
    reason: /Message refused/,
    isGivenUp: false,
    misbehave: saying("x".repeat(100_000)),
  },
  "descriptors": {
    what: "sends descriptors beside a message",
    reason: /Message refused/,
    isGivenUp: false,
    misbehave: (run) =>
      afterSomeFrames(run, () => {
        const message = JSON.stringify({ type: "reached", stage: "alive", detail: {} });
        sendRaw(run, message, [run.channelFd, 0, 1, 2]);
        sleep(FOR_EVER);
      }),
  },
  "descriptors-when-ready": {
    what: "sends descriptors beside its report that it is ready",
    reason: /Message refused/,
    isGivenUp: true,
    misbehave(run) {
      run.reached = (stage, detail = {}) =>
        sendRaw(run, JSON.stringify({ type: "reached", stage, detail }), [run.channelFd]);
    },
  },
  "hangs-up": {
    what: "closes the control channel but keeps running",
    reason: /closed the control channel but kept running/,
    isGivenUp: false,
    misbehave: (run) =>
      afterSomeFrames(run, () => {
        close(run.channelFd);
        ignoreParent(run);
      }),
  },
  "another-socket": {
    what: "reports the cookie of another socket",
    reason: /The worker has socket 4711, not \d+/,
    isGivenUp: true,
    misbehave: (run) => onStage(run, "ready", () => ({ cookie: "4711" })),
  },
  "not-confined": {
    what: "has not put its protections on",
    reason: /The worker is not confined: \d+ of \d+ threads/,
    isGivenUp: true,
    misbehave: (run) => onProtections(run, withoutStage4),
  },
  "filter-that-allows": {
    what: "has a filter that allows everything",
    reason: /The worker is not confined: no filter equals that of the policy/,
    isGivenUp: true,
    misbehave: (run) => onProtections(run, withoutFilter),
  },
  "forges-progress": {
    what: "writes nonsense into its progress",
    reason: new RegExp(`The journal of ${FORGED} frames is full`),
    isGivenUp: true,
    misbehave: () => {},
  },
};
