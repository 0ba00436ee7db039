/** The version of fdpass; `deno.json` says the same, and a test sees to it. */
export const VERSION = "0.1.0";
