// Why a bot is as it is, in one line: the first of these that is true.
import { ago, clockTime, latency, span } from "we-format";
import { LABELS } from "we-labels";
import { t } from "we-language";

const BACK_ONLINE_S = 60;

export const isRestarting = (bot) => bot.restart !== null && bot.restart.finished_at === null;

export function maintenanceNote({ until, reason }, now) {
  const end = until === null ? t(LABELS.notes.until_ended) : t(LABELS.notes.until, { time: clockTime(until, now) });
  return reason ? `${end}: ${reason}` : end;
}

export function checkNote([isAnswered, checkedAt, ms, error], now) {
  const when = ago(checkedAt, now);
  if (isAnswered) return t(LABELS.notes.answered, { latency: latency(ms), when });
  if (error === LABELS.model_silent) return `${t(error)} (${when})`;
  if (error) return t(LABELS.notes.no_answer_because, { error: t(error), when });
  return t(LABELS.notes.no_answer, { when });
}

function calls([running, slots, waiting]) {
  if (running + waiting === 0) return "";
  if (waiting) return t(LABELS.notes.calls_waiting, { running, slots, waiting });
  return t(LABELS.notes.calls, { running, slots });
}

/** `titles` of the dependencies, and `faults`: what is wrong with them; by key. */
export function botNote(bot, { now, isStale, titles, faults }) {
  const seen = bot.seen_at ? t(LABELS.notes.last_seen, { when: ago(bot.seen_at, now) }) : t(LABELS.notes.not_checked);
  if (isStale) return seen;
  if (isRestarting(bot)) return "";
  const { restart, policy } = bot;
  if (bot.status === "maintenance" && policy) return maintenanceNote(policy, now);
  if (bot.status === "quarantined" && policy) return policy.quarantine_reason || t(LABELS.notes.gave_up);
  if (bot.cause) {
    const cause = bot.cause === "llm" ? t(LABELS.notes.language_model) : (titles[bot.cause] ?? bot.cause);
    return t(LABELS.notes.because, { cause, fault: t(faults[bot.cause] ?? "is down") });
  }
  if (restart?.state === "failed" && bot.status !== "online") {
    const action = LABELS.actions[restart.action].label;
    return t(LABELS.notes.action_failed, { action, error: restart.error ?? t(LABELS.notes.no_reason) });
  }
  if (bot.faults[0] === "silent" && !bot.synthetic_check?.[0]) return checkNote(bot.synthetic_check, now);
  if (restart?.state === "online" && restart.action !== "stop" && now - restart.finished_at < BACK_ONLINE_S) {
    return t(LABELS.notes.back, { span: span(restart.duration_s) });
  }
  if (bot.status === "unknown") return seen;
  if (bot.status === "offline" && !bot.is_declared && !bot.container) {
    return t(LABELS.notes.not_configured, { seen });
  }
  if (bot.status !== "online" && bot.error) return bot.error;
  return calls(bot.calls);
}
