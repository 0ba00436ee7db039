/**
 * Every package that main.ts and the tests import, to be fetched before a run without a network.
 *
 * @module
 */

export * as assert from "@std/assert";
export * as rollup from "rollup";
export * as ajv from "ajv";
export { default as axe } from "axe-core";
export * as fastCheck from "fast-check";
export * as playwright from "playwright-core";
