/**
 * Looks at the packet sockets of a process, and prints as JSON what it has seen.
 *
 *     look.ts PID
 *
 * @module
 */

import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../../lib/inspect/sockets/socket_state.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

printJson(seePacketSockets(seeDaemon(Number(Deno.args[0]))));
