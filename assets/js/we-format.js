// Times and numbers for people. Times are Unix seconds.

const UNITS = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [365, "d"],
  [Infinity, "y"],
];

/** "40 s", "3 min", "2 d": the largest whole unit. */
export function span(seconds) {
  let value = Math.max(0, seconds);
  for (const [size, unit] of UNITS) {
    if (value < size) return `${Math.floor(value)} ${unit}`;
    value /= size;
  }
}

/** "40 s ago", or "just now". */
export function ago(at, now) {
  const seconds = now - at;
  return seconds < 2 ? "just now" : `${span(seconds)} ago`;
}

/** The moment exactly, in the reader's time zone. */
export function exactly(at) {
  return new Date(at * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** A latency with its unit: "0.4 ms", "12 ms", "1.25 s". */
export function latency(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}
