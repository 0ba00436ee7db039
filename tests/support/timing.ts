/**
 * The tests that depend on time: they read a clock, wait with a limit, or make runs that may be
 * slow. A loaded machine could make them fail, so `deno task repeat` repeats them.
 *
 * @module
 */

/** The files, relative to `tests/`. */
export const TIMING: readonly string[] = [
  "e2e/ambient_test.ts",
  "e2e/authority_test.ts",
  "e2e/bad_input_test.ts",
  "e2e/clock_test.ts",
  "e2e/endings_test.ts",
  "e2e/inspect_test.ts",
  "e2e/live_test.ts",
  "e2e/loading_test.ts",
  "e2e/netns_test.ts",
  "e2e/pcap_test.ts",
  "e2e/receive_paths_test.ts",
  "e2e/relay_test.ts",
  "e2e/transcript_test.ts",
  "e2e/views_test.ts",
  "ffi/io_uring/io_uring_test.ts",
  "ffi/process/clock_test.ts",
  "ffi/ptrace/stopped_thread_test.ts",
  "ffi/seccomp/installed_filters_test.ts",
  "ffi/seccomp/possible_answers_test.ts",
  "ffi/socket/calls_test.ts",
  "ffi/trace/trace_test.ts",
  "lib/commands/inspect/inspect_test.ts",
  "lib/evidence/record_test.ts",
  "lib/experiments/relay/witness_test.ts",
  "lib/experiments/supervisor/supervised_worker_test.ts",
  "lib/experiments/supervisor/supervisor_test.ts",
  "lib/experiments/supervisor/witness_test.ts",
  "lib/harness/attention_test.ts",
  "lib/harness/channel_test.ts",
  "lib/harness/channel_turn_test.ts",
  "lib/harness/child_ending_test.ts",
  "lib/harness/forward_test.ts",
  "lib/harness/pid_namespace_test.ts",
  "lib/harness/protocol_test.ts",
  "lib/harness/reception_test.ts",
  "lib/harness/silence_test.ts",
  "lib/host/repetition_test.ts",
  "lib/inspect/asking/asking_test.ts",
  "lib/inspect/daemon_test.ts",
  "lib/inspect/prediction/predict_test.ts",
  "lib/inspect/processes/accomplices_test.ts",
  "lib/inspect/sockets/queue_test.ts",
  "lib/inspect/sockets/socket_state_test.ts",
  "lib/packets/queue_test.ts",
  "lib/packets/stimulus_test.ts",
  "lib/receive/closing_test.ts",
  "lib/report/pcapng_test.ts",
  "scripts/fetched_test.ts",
  "support/left_behind_test.ts",
];

/** Code in a test that depends on time. */
export const LOOKS_AT_CLOCK =
  /\b(?:performance\.now|Date\.now|setTimeout|setInterval|until|pause|pollAsync)\(/;
