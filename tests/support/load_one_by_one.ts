/**
 * Loads the modules of `ffi/` one by one, then runs a program.
 *
 *     load_one_by_one.ts [ARG…] PROGRAM
 *
 * Deno reads the modules of a graph at once, each on a thread of a pool, which has 32 threads at
 * most and keeps them for ten seconds. After that hardly any thread needs to be started, and a test
 * about threads that start later would show nothing.
 *
 * @module
 */

for (const room of [...Deno.readDirSync(new URL("../../ffi/", import.meta.url))]) {
  if (!room.isDirectory) continue;
  for (
    const { name } of [...Deno.readDirSync(new URL(`../../ffi/${room.name}/`, import.meta.url))]
  ) {
    await import(`../../ffi/${room.name}/${name}`);
  }
}
await import(Deno.args.at(-1)!);
