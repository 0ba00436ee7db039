/**
 * A web worker whose thread blocks signal 33 by a raw call, which libc would not let it do.
 *
 * @module
 */

import { rawSyscall, SIG_BLOCK } from "../../../../ffi/mod.ts";

const mask = new Uint8Array(BigUint64Array.of(1n << 32n).buffer);
rawSyscall("rt_sigprocmask", SIG_BLOCK, mask, 0, 8);
(self as unknown as Worker).postMessage("blocked");
