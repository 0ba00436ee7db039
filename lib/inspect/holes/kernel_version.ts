/**
 * The version of a kernel, and what it says about fixes.
 *
 * A version of kernel.org says which fixes a kernel has. A distribution adds fixes and keeps the
 * number, so its version is a lower bound: it has at least the fixes of that version.
 *
 * @module
 */

/** A version of kernel.org. */
export interface Version {
  /** Such as `6.12`; `2.6.32` for the old scheme. */
  readonly series: string;
  /** The stable release of the series; 0 for the first one. */
  readonly patch: number;
  /** Whether it is a release candidate, which may lack any fix of its version. */
  readonly isCandidate: boolean;
}

/** The builder of a kernel that has fixes of its own. */
export interface Distribution {
  readonly name: string;
  /** How to find out whether it has a fix, as a clause. */
  readonly howToFindOut: string;
}

/** A kernel. */
export interface Kernel {
  /** As uname(2) gives it. */
  readonly release: string;
  /** The version of kernel.org that it is built from; undefined if that cannot be told. */
  readonly version: Version | undefined;
  /** Undefined for a kernel of kernel.org, or of a builder that is not known. */
  readonly distribution: Distribution | undefined;
}

/** A distribution, and the marks of its kernels in the release and in the build. */
interface Mark extends Distribution {
  readonly release: RegExp;
  readonly build: RegExp;
}

const NEVER = /(?!)/;
const RPM = "see rpm -q --changelog of its kernel package, and the distribution's CVE page";

/** The distributions; the first one that matches counts. */
const DISTRIBUTIONS: readonly Mark[] = [
  {
    name: "Proxmox",
    release: /-pve$/,
    build: NEVER,
    howToFindOut: "see the changelog of its package proxmox-kernel",
  },
  {
    name: "Debian",
    release: /^\d+\.\d+\.\d+(?:-\d+|\+deb\d+|\+bpo)\S*-(?:amd64|arm64|686|armmp|cloud|rt)\b/,
    build: / Debian \d/,
    howToFindOut: "see security-tracker.debian.org, and the changelog of its linux-image package",
  },
  {
    name: "Ubuntu",
    release: /-\d+-(?:generic|lowlatency|aws|azure|gcp|oracle|kvm|raspi|nvidia)(?:-\w+)?$/,
    build: /-Ubuntu\b/,
    howToFindOut: "see pro fix CVE-…, or ubuntu.com/security",
  },
  {
    name: "Red Hat or a relative",
    release: /\.(?:el|fc|amzn|azl|cm|oe|an|tl)\d|uek/,
    build: NEVER,
    howToFindOut: RPM,
  },
  {
    name: "SUSE",
    release: /-(?:default|preempt|azure|kvmsmall|64kb|longterm)$/,
    build: NEVER,
    howToFindOut: RPM,
  },
  {
    name: "Android",
    release: /-android\d+-/,
    build: NEVER,
    howToFindOut: "see the Android security bulletins and its commit",
  },
];

/**
 * Reads the version of a kernel.
 *
 * @param release `/proc/sys/kernel/osrelease`, such as `6.1.0-18-amd64`.
 * @param build `/proc/sys/kernel/version`, such as `#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1`: Debian
 * names the version there, and not in the release.
 */
export function parseKernel(release: string, build: string): Kernel {
  const mark = DISTRIBUTIONS.find((each) => each.release.test(release) || each.build.test(build));
  const [, source] = build.match(/ Debian (?:\d+:)?(\d+\.\d+\S*)/) ?? [];
  return {
    release,
    version: parseVersion(source ?? release),
    distribution: mark && { name: mark.name, howToFindOut: mark.howToFindOut },
  };
}

/**
 * Reads a version of kernel.org, whatever follows it.
 *
 * @returns Undefined if the text does not begin with one.
 */
export function parseVersion(text: string): Version | undefined {
  const match = text.match(/^(2\.6\.\d+|(?!2\.)\d+\.\d+)(?:\.(\d+))?(.*)$/s);
  if (match === null) return undefined;
  const [, series, patch = "0", rest] = match;
  return { series, patch: Number(patch), isCandidate: /^[-~]rc\d/.test(rest) };
}

/** Returns a version as kernel.org writes it. */
export function describeVersion({ series, patch, isCandidate }: Version): string {
  return `${series}${patch === 0 ? "" : `.${patch}`}${isCandidate ? "-rc" : ""}`;
}

/** Compares two series, such as `6.9` and `6.12`: negative if the first one is older. */
export function compareSeries(one: string, other: string): number {
  const [ours, theirs] = [one, other].map((series) => series.split(".").map(Number));
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const difference = (ours[i] ?? 0) - (theirs[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
