// Times and numbers for people.
import assert from "node:assert/strict";
import test from "node:test";
import { ago, latency, rate, size, span, uptime } from "we-format";

const cases = (name, write, rows) =>
  test(name, () => {
    for (const [given, said] of rows) assert.equal(write(...[given].flat()), said);
  });

cases("a span is said in its largest whole unit", span, [
  [-3, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [3599, "59 min"],
  [3600, "1 h"],
  [86_400 * 2, "2 d"],
  [86_400 * 365 * 3, "3 y"],
]);
cases("what is past is ago, what is planned is to come, and two clocks that differ are neither", ago, [
  [[100, 101], "just now"],
  [[100, 140], "40 s ago"],
  [[100, 80], "just now"],
  [[100, 0], "in 1 min"],
]);
cases("a latency has as many digits as one reads", latency, [
  [null, "–"],
  [undefined, "–"],
  [0.42, "0.4 ms"],
  [12.4, "12 ms"],
  [1250, "1.25 s"],
]);
cases("bytes are in binary units", size, [
  [null, "–"],
  [1.5 * 1048576, "1.5 MiB"],
  [412 * 1048576, "412 MiB"],
  [1.25 * 1024 * 1048576, "1.3 GiB"],
]);
cases("an uptime with a failure is never called 100%", uptime, [
  [null, "–"],
  [1, "100%"],
  [0.999999, "99.99%"],
  [0.5, "50.0%"],
]);
cases("a rate of failures that is not none is never called 0%", rate, [
  [null, "–"],
  [0, "0%"],
  [0.0001, "<0.1%"],
  [0.25, "25.0%"],
]);
