/**
 * A child that reports its process ids to the parent and then waits for a message.
 *
 *     born.ts CHANNEL_FD
 *
 * @module
 */

import { getppid } from "../../../../ffi/mod.ts";
import { awaitMessage, sendMessage } from "../../../../lib/harness/channel.ts";

const TIMEOUT = 60_000;
const channelFd = Number(Deno.args[0]);
sendMessage(channelFd, { pid: Deno.pid, parent: getppid() }, [], TIMEOUT);
awaitMessage(channelFd, 0, TIMEOUT);
