import { assertEquals, AssertionError } from "@std/assert";
import {
  close,
  Errno,
  IORING_SETUP_SQPOLL,
  IoUring,
  readLink,
  SystemError,
} from "../../ffi/mod.ts";

/** The reason why no ring can be made here; `undefined` if one can. */
function whyNot(): string | undefined {
  try {
    close(new IoUring().fd);
    return undefined;
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

/** Makes sure that an answer is a descriptor, and closes it. */
function closeAnswer(fd: number | undefined): void {
  if (fd === undefined || fd < 0) throw new AssertionError(`No descriptor: ${fd}`);
  assertEquals(readLink(`/proc/self/fd/${fd}`), "/dev/null");
  close(fd);
}

const reason = whyNot();
const ringTest = (name: string, test: (deadline: number) => void) =>
  Deno.test({
    name: reason === undefined ? name : `${name} # SKIP ${reason}`,
    ignore: reason !== undefined,
    fn: () => test(Date.now() + 2000),
  });

ringTest("IoUring opens files, again and again, past the end of its queues", (deadline) => {
  const ring = new IoUring();
  for (let i = 0; i < 20; i++) {
    ring.submitOpen("/dev/null");
    ring.enter();
    closeAnswer(ring.takeResult(deadline));
  }
  close(ring.fd);
});

ringTest(
  "IoUring.takeResult() is a negative errno for what failed, and undefined for no answer",
  (deadline) => {
    const ring = new IoUring();
    ring.submitOpen("/does/not/exist");
    ring.enter();
    assertEquals(ring.takeResult(deadline), -Errno.ENOENT);
    assertEquals(ring.takeResult(Date.now() + 20), undefined);
    close(ring.fd);
  },
);

ringTest("IoUring with IORING_SETUP_SQPOLL needs no system call once it is awake", (deadline) => {
  const ring = new IoUring(IORING_SETUP_SQPOLL, 2000);
  ring.submitOpen("/dev/null");
  ring.wake();
  for (let i = 0; i < 2; i++) {
    closeAnswer(ring.takeResult(deadline));
    if (i === 0) ring.submitOpen("/dev/null");
  }
  close(ring.fd);
});

ringTest(
  "IoUring.registerPersonality() numbers the credentials, and a wrong number is refused",
  (deadline) => {
    const ring = new IoUring();
    const personality = ring.registerPersonality();
    ring.submitOpen("/dev/null", personality);
    ring.enter();
    closeAnswer(ring.takeResult(deadline));
    ring.submitOpen("/dev/null", personality + 1);
    ring.enter();
    assertEquals(ring.takeResult(deadline), -Errno.EINVAL);
    close(ring.fd);
  },
);
