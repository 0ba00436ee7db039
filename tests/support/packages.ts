/**
 * Every package that main.ts and the tests import: what has to be fetched before a run without a network.
 *
 * @module
 */

export * as assert from "@std/assert";
