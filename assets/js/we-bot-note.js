// Why a bot is as it is, in one line: the first of these that is true.
import { ago, clockTime, latency, span } from "we-format";
import { LABELS } from "we-labels";

const BACK_ONLINE_S = 60;
const MODEL_SILENT = "its language model does not answer";

export const isRestarting = (bot) => bot.restart !== null && bot.restart.finished_at === null;

export function maintenanceNote({ until, reason }, now) {
  const end = until === null ? "until it is ended" : `until ${clockTime(until, now)}`;
  return reason ? `${end}: ${reason}` : end;
}

export function canaryNote([isAnswered, checkedAt, ms, error], now) {
  if (isAnswered) return `answered in ${latency(ms)}, ${ago(checkedAt, now)}`;
  if (error === MODEL_SILENT) return `${error} (${ago(checkedAt, now)})`;
  return `does not answer a test message${error ? `: ${error}` : ""} (${ago(checkedAt, now)})`;
}

function calls([running, slots, waiting]) {
  if (running + waiting === 0) return "";
  return `calls ${running}/${slots}` + (waiting ? ` (+${waiting} waiting)` : "");
}

/** `titles` of the dependencies, and `faults`: what is wrong with them; by key. */
export function botNote(bot, { now, isStale, titles, faults }) {
  const seen = bot.seen_at ? `last seen ${ago(bot.seen_at, now)}` : "not checked yet";
  if (isStale) return seen;
  if (isRestarting(bot)) return "";
  const { restart, policy } = bot;
  if (bot.status === "maintenance" && policy) return maintenanceNote(policy, now);
  if (bot.status === "quarantined" && policy) return policy.quarantine_reason || "the healing gave up on it";
  if (bot.cause) {
    return `because ${bot.cause === "llm" ? "the language model" : (titles[bot.cause] ?? bot.cause)} ${faults[bot.cause] ?? "is down"}`;
  }
  if (restart?.state === "failed" && bot.status !== "online") {
    return `${LABELS.actions[restart.action].label} failed: ${restart.error ?? "no reason given"}`;
  }
  if (bot.faults[0] === "silent" && !bot.canary?.[0]) return canaryNote(bot.canary, now);
  if (restart?.state === "online" && restart.action !== "stop" && now - restart.finished_at < BACK_ONLINE_S) {
    return `back after ${span(restart.duration_s)}`;
  }
  if (bot.status === "unknown") return seen;
  if (bot.status === "offline" && !bot.is_declared && !bot.container) return `${seen}; no longer configured`;
  if (bot.status !== "online" && bot.error) return bot.error;
  return calls(bot.calls);
}
