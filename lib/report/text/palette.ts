/**
 * The colours of the transcript.
 *
 * @module
 */

import { bold, dim, green, red, yellow } from "@std/fmt/colors";

type Paint = (text: string) => string;

/** What stands for each part of the transcript. */
export interface Palette {
  readonly pass: Paint;
  readonly fail: Paint;
  readonly skip: Paint;
  readonly heading: Paint;
  readonly detail: Paint;
}

const plain: Paint = (text) => text;

/** No colour. */
export const PLAIN: Palette = {
  ...{ pass: plain, fail: plain, skip: plain, heading: plain, detail: plain },
};

/** For a terminal. */
export const COLORED: Palette = {
  ...{ pass: green, fail: red, skip: yellow, heading: bold, detail: dim },
};
