/**
 * Executing a program from a second thread at the worst moment for a tracer: when it traces some
 * threads of the process, and not yet all.
 *
 * @module
 */

/** The indices of the shared words: that the second thread is ready, and that it must not wait. */
const READY = 0, NOW = 1;

/** The longest start of the second thread, in milliseconds. */
const START_TIMEOUT = 5000;

// As text, because a worker of this child may read no files.
const PROGRAM = `onmessage = ({ data }) => {
  const { symbols } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    pread: { parameters: ["i32", "buffer", "usize", "usize"], result: "isize" },
    gettid: { parameters: [], result: "i32" },
    memmove: { parameters: ["buffer", "buffer", "usize"], result: "u64" },
    execv: { parameters: ["buffer", "buffer"], result: "i32" },
  });
  const text = (words) => new TextEncoder().encode(words + "\\0");
  const path = text("/bin/sleep"), words = [path, text("100")];
  const args = new BigUint64Array([...words.map((word) => symbols.memmove(word, word, 0n)), 0n]);
  const own = symbols.gettid();
  const files = [];
  for (let tid = own - 1; tid > 1; tid--) {
    const fd = symbols.open(text("/proc/self/task/" + tid + "/status"), 0);
    if (fd >= 0) files.push(fd);
  }
  files.pop(); // that of the first thread
  const watched = files.pop();
  const status = new Uint8Array(4096), decoder = new TextDecoder();
  const isTraced = () => {
    const length = symbols.pread(watched, status, 4096n, 0n);
    return !decoder.decode(status.subarray(0, Number(length))).includes("TracerPid:\\t0\\n");
  };
  const shared = new Int32Array(data);
  Atomics.store(shared, ${READY}, 1);
  Atomics.notify(shared, ${READY});
  while (!isTraced() && Atomics.load(shared, ${NOW}) === 0);
  symbols.execv(path, args);
};`;

const shared = new Int32Array(new SharedArrayBuffer(8));

/**
 * Starts a thread that executes sleep(1) as soon as another thread of this process is traced.
 *
 * @throws {Error} If the thread does not start.
 */
export function executeWhenTraced(): void {
  const url = `data:text/javascript,${encodeURIComponent(PROGRAM)}`;
  new Worker(url, { type: "module" }).postMessage(shared.buffer);
  if (Atomics.wait(shared, READY, 0, START_TIMEOUT) === "timed-out") {
    throw new Error("The thread does not start");
  }
}

/** Has the thread execute it now, if it has missed the moment. */
export function executeAtLast(): never {
  Atomics.store(shared, NOW, 1);
  for (;;) Atomics.wait(shared, NOW, 1);
}
