// Why a bot is as it is, in one line: the first of these that is true.
import { ago, clockTime, latency, span } from "we-format";
import { LABELS } from "we-labels";
import { t } from "we-language";

const BACK_ONLINE_S = 60;
const MODEL_SILENT = "its language model does not answer"; // as the server says it

export const isRestarting = (bot) => bot.restart !== null && bot.restart.finished_at === null;

export function maintenanceNote({ until, reason }, now) {
  const end = until === null ? t("until someone ends it") : t("until {time}", { time: clockTime(until, now) });
  return reason ? `${end}: ${reason}` : end;
}

export function checkNote([isAnswered, checkedAt, ms, error], now) {
  const when = ago(checkedAt, now);
  if (isAnswered) return t("answered in {latency}, {when}", { latency: latency(ms), when });
  if (error === MODEL_SILENT) return `${t(error)} (${when})`;
  if (error) return t("no answer to a test message: {error} ({when})", { error: t(error), when });
  return t("no answer to a test message ({when})", { when });
}

function calls([running, slots, waiting]) {
  if (running + waiting === 0) return "";
  if (waiting) return t("calls {running}/{slots} (+{waiting} waiting)", { running, slots, waiting });
  return t("calls {running}/{slots}", { running, slots });
}

/** `titles` of the dependencies, and `faults`: what is wrong with them; by key. */
export function botNote(bot, { now, isStale, titles, faults }) {
  const seen = bot.seen_at ? t("last seen {when}", { when: ago(bot.seen_at, now) }) : t("not checked yet");
  if (isStale) return seen;
  if (isRestarting(bot)) return "";
  const { restart, policy } = bot;
  if (bot.status === "maintenance" && policy) return maintenanceNote(policy, now);
  if (bot.status === "quarantined" && policy) return policy.quarantine_reason || t("automatic restarts gave up on it");
  if (bot.cause) {
    const cause = bot.cause === "llm" ? t("the language model") : (titles[bot.cause] ?? bot.cause);
    return t("because {cause} {fault}", { cause, fault: t(faults[bot.cause] ?? "is down") });
  }
  if (restart?.state === "failed" && bot.status !== "online") {
    const action = LABELS.actions[restart.action].label;
    return t("{action} failed: {error}", { action, error: restart.error ?? t("no reason given") });
  }
  if (bot.faults[0] === "silent" && !bot.synthetic_check?.[0]) return checkNote(bot.synthetic_check, now);
  if (restart?.state === "online" && restart.action !== "stop" && now - restart.finished_at < BACK_ONLINE_S) {
    return t("back after {span}", { span: span(restart.duration_s) });
  }
  if (bot.status === "unknown") return seen;
  if (bot.status === "offline" && !bot.is_declared && !bot.container) {
    return t("{seen}; no longer configured", { seen });
  }
  if (bot.status !== "online" && bot.error) return bot.error;
  return calls(bot.calls);
}
