// Times and numbers for people. Times are Unix seconds.
import { locale, t } from "we-language";

const UNITS = [
  [60, t("s")],
  [60, t("min")],
  [24, t("h")],
  [365, t("d")],
  [Infinity, t("y")],
];

/** "40 s", "3 min", "2 d": the largest whole unit. */
export function span(seconds) {
  let value = Math.max(0, seconds);
  for (const [size, unit] of UNITS) {
    if (value < size) return `${Math.floor(value)} ${unit}`;
    value /= size;
  }
}

const LARGEST_SKEW_S = 30;

/** "40 s ago", "just now", or "in 5 min" of what is planned: less is two clocks that differ. */
export function ago(at, now) {
  const seconds = now - at;
  if (seconds < -LARGEST_SKEW_S) return t("in {span}", { span: span(-seconds) });
  return seconds < 2 ? t("just now") : t("{span} ago", { span: span(seconds) });
}

/** The moment exactly, in the reader's time zone. */
export function exactly(at) {
  return new Date(at * 1000).toLocaleString(locale(), { dateStyle: "medium", timeStyle: "medium" });
}

/** "14:30", with the day when it is another. */
export function clockTime(at, now) {
  const date = new Date(at * 1000);
  const isToday = date.toDateString() === new Date(now * 1000).toDateString();
  return date.toLocaleString(locale(), isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

const NUMBERS = new Map();

function written(value, digits, options) {
  const key = `${digits} ${options.style}`;
  const kept = { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false, ...options };
  if (!NUMBERS.has(key)) NUMBERS.set(key, new Intl.NumberFormat(locale(), kept));
  return NUMBERS.get(key).format(Number(value.toFixed(digits)) * (options.style === "percent" ? 0.01 : 1));
}

/** A number with so many digits after its point. */
export const fixed = (value, digits = 0) => written(value, digits, { style: "decimal" });

/** A percentage: `percent(99.5, 1)` is "99.5%". */
export const percent = (value, digits = 0) => written(value, digits, { style: "percent" });

/** A latency with its unit: "0.4 ms", "12 ms", "1.25 s". */
export function latency(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${fixed(ms, 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${fixed(ms / 1000, 2)} s`;
}

/** Bytes in the binary units that engines use: "412 MiB", "1.3 GiB". */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const mib = bytes / 1048576;
  return mib < 1000 ? `${fixed(mib, mib < 10 ? 1 : 0)} MiB` : `${fixed(mib / 1024, 1)} GiB`;
}

/** A share as an uptime: as many digits as it takes not to call a failure 100 %. */
export function uptime(share) {
  if (share === null || share === undefined) return "–";
  if (share === 1) return percent(100);
  const hundredth = Math.floor(share * 10000) / 100;
  return percent(hundredth, hundredth >= 99 ? 2 : 1);
}

/** A share as a rate of failures. */
export function rate(share) {
  if (share === null || share === undefined) return "–";
  if (share === 0) return percent(0);
  return share < 0.001 ? `<${percent(0.1, 1)}` : percent(share * 100, 1);
}
