/**
 * The supervisor's side of the control channel to a worker, with a process that only sleeps. The
 * test itself sends the worker's messages.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { if_nametoindex, OwnedFd } from "../../../../ffi/mod.ts";
import { ExperimentError } from "../../../../lib/evidence/errors.ts";
import { ExperimentRecord } from "../../../../lib/evidence/record.ts";
import { supervisor } from "../../../../lib/experiments/supervisor/experiment.ts";
import { createProgress } from "../../../../lib/experiments/supervisor/progress.ts";
import { SupervisedWorker } from "../../../../lib/experiments/supervisor/supervised_worker.ts";
import { awaitMessage, controlChannelPair, sendMessage } from "../../../../lib/harness/channel.ts";
import { Child } from "../../../../lib/harness/child.ts";
import {
  ParentRun,
  type RunContext,
  type SpawnOptions,
} from "../../../../lib/harness/parent_run.ts";
import { ChildProcess } from "../../../../lib/harness/process.ts";
import { boundPacketSocket, describePacketSocket } from "../../../../lib/packets/socket.ts";
import { testNeeding } from "../../../support/needs.ts";

const PATIENCE = { start: 300, answer: 300, stop: 300 };
const CAPACITY = 100;

/** A worker, as a test sees it. */
interface Scene extends Disposable {
  readonly worker: SupervisedWorker;
  readonly packetFd: number;
  /** Sends a message as the worker would. */
  send(message: unknown): void;
  /** Takes the supervisor's next message, with its descriptors. */
  receive(descriptors?: number): { message: Record<string, unknown>; descriptors: number[] };
}

/** A run whose children do nothing but sleep. */
class RunOfSleepers extends ParentRun {
  constructor(readonly ours: OwnedFd, readonly theirsFd: number) {
    const signal = new AbortController().signal;
    const context = { signal, deadline: performance.now() + 20_000 } as RunContext;
    super(context, new ExperimentRecord(supervisor));
  }

  override start({ isSilent }: SpawnOptions = {}): Child {
    const process = new Deno.Command("sleep", {
      args: ["60"],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Child(new ChildProcess(process), this.ours, this.theirsFd, this, isSilent);
  }
}

/** Starts a worker: a process that sleeps, on a packet socket of the loopback interface. */
function start(): Scene {
  const scope = new DisposableStack();
  const socket = scope.use(boundPacketSocket(if_nametoindex("lo"), 0));
  const memory = scope.use(new OwnedFd(createProgress(CAPACITY)));
  const [ours, theirs] = controlChannelPair();
  scope.use(theirs);
  const run = new RunOfSleepers(ours, theirs.fd);
  const worker = new SupervisedWorker(run, {
    identity: { uid: 65534, gid: 65533 },
    packetFd: socket.fd,
    progressFd: memory.fd,
    capacity: CAPACITY,
  }, {
    protections: ["no-capabilities"],
    ring: null,
    nonce: Uint8Array.of(1, 2, 3),
    work: 7,
    patience: PATIENCE,
  });
  return {
    worker,
    packetFd: socket.fd,
    send: (message) => sendMessage(theirs.fd, message, [], 1000),
    receive(count = 0) {
      const { text, descriptors } = awaitMessage(theirs.fd, count, 1000);
      return { message: JSON.parse(text), descriptors };
    },
    [Symbol.dispose]: () => scope.dispose(),
  };
}

const at = (stage: string, detail = {}) => ({ type: "reached", stage, detail });

/** Registers a test, whose worker is ended after it. */
function workerTest(name: string, test: (scene: Scene) => Promise<void>): void {
  testNeeding({ root: true }, name, async () => {
    using scene = start();
    await using _worker = scene.worker;
    await test(scene);
  });
}

workerTest(
  "SupervisedWorker.ready() passes the socket and the memory, with all orders",
  async (scene) => {
    const { worker, packetFd, send, receive } = scene;
    send(at("ready", { cookie: "17" }));
    await worker.ready();
    const { message, descriptors } = receive(2);
    const passed = descriptors.map((fd) => new OwnedFd(fd));
    const [cookie, expected] = [passed[0].fd, packetFd].map((fd) =>
      describePacketSocket(fd).cookie
    );
    passed.forEach((each) => each.close());
    assertEquals(cookie, expected);
    assertEquals(message, {
      type: "supervised",
      uid: 65534,
      gid: 65533,
      protections: ["no-capabilities"],
      ring: null,
      capacity: CAPACITY,
      nonce: "AQID",
      work: 7,
    });
  },
);

workerTest(
  "SupervisedWorker.ready() sees that a process kept root, and reports its cookie",
  async ({ worker, send }) => {
    send(at("ready", { cookie: "4711" }));
    const { cookie, unconfined, filterUnread } = await worker.ready();
    assertEquals([cookie, filterUnread], ["4711", undefined]);
    assertMatch(unconfined ?? "", /^1 of 1 threads are not confined: .*"uids":\[0,0,0,0\]/);
  },
);

workerTest(
  "SupervisedWorker.ready() refuses a worker that continues before its order",
  async ({ worker, send }) => {
    send(at("ready", { cookie: "1" }));
    send(at("ready", { cookie: "1" }));
    await assertRejects(() => worker.ready(), ExperimentError, "did not wait for its order");
  },
);

workerTest(
  "SupervisedWorker.ready() refuses a cookie that is not text",
  async ({ worker, send }) => {
    send(at("ready", { cookie: 17 }));
    await assertRejects(() => worker.ready(), ExperimentError, "broke the protocol: cookie");
  },
);

for (
  const [step, stage] of [["ready", "ready"], ["answer", "alive"], ["stop", "stopped"]] as const
) {
  workerTest(
    `SupervisedWorker.${step}() waits for "${stage}", and no longer than its patience`,
    async ({ worker, send }) => {
      const began = performance.now();
      const message = `The worker was not "${stage}" within 300 ms`;
      await assertRejects(async () => void await worker[step](), ExperimentError, message);
      assert(performance.now() - began >= 299);
      send(at("elsewhere"));
      await assertRejects(async () => void await worker[step](), ExperimentError, "elsewhere");
    },
  );
}

workerTest(
  "SupervisedWorker.answer() asks once, and refuses a message without a question",
  async ({ worker, send, receive }) => {
    setTimeout(() => send(at("alive")), 50);
    await worker.answer();
    assertEquals(receive().message, { type: "next" });
    send(at("alive"));
    await assertRejects(() => worker.answer(), ExperimentError, "without being asked");
  },
);

workerTest("SupervisedWorker refuses every message but stages", async ({ worker, send }) => {
  send({ type: "note", text: "trust me", checks: [] });
  await assertRejects(() => worker.ready(), ExperimentError, 'sent "note", which is not permitted');
});

workerTest("SupervisedWorker.gone resolves when the process is killed", async ({ worker }) => {
  Deno.kill(worker.pid, "SIGKILL");
  await worker.gone;
  await assertRejects(() => worker.answer(), ExperimentError, "ended early, by SIGKILL");
});
