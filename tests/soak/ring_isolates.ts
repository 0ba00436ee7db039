/**
 * Starts isolates that make rings, one after another, while memory is allocated and freed. Prints
 * "done" if the process survives.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

for (let isolate = 0; isolate < 60; isolate++) {
  await new Promise<void>((resolve) => {
    const worker = new Worker(new URL("ring_isolate.ts", import.meta.url), { type: "module" });
    worker.onmessage = () => resolve();
  });
  const garbage: number[][] = [];
  for (let i = 0; i < 200; i++) garbage.push(new Array(1000).fill(i));
}
console.log("done");
