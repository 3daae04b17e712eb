// The progress of a restart, a start or a stop.
import { span } from "we-format";
import { LABELS } from "we-labels";
import { SPEAKING, t } from "we-language";

/** The steps of an action, in order, each with its word. */
export const stepsOf = ({ action }) => LABELS.steps_of[action].map((state) => [state, LABELS.steps[state]]);

export const RestartProgress = {
  mixins: [SPEAKING],
  props: { restart: Object, now: Number },
  computed: {
    steps() {
      return stepsOf(this.restart);
    },
    reached() {
      return this.steps.findIndex(([state]) => state === this.restart.state);
    },
    elapsed() {
      return Math.max(0, this.now - this.restart.requested_at);
    },
    time() {
      return t("{elapsed} of ~{estimate}", { elapsed: span(this.elapsed), estimate: span(this.restart.estimate_s) });
    },
    title() {
      const lines = [
        t("Requested by {name}", { name: this.restart.by }),
        this.steps.map(([, label]) => label).join(" → "),
      ];
      if (this.elapsed > this.restart.estimate_s) lines.push(t("Longer than usual"));
      return lines.join("\n");
    },
  },
  template: `
    <div class="we-restart" data-testid="restart-progress" :data-state="restart.state" :title="title">
      <div class="we-restart-text"><span class="we-now">{{ steps[reached]?.[1] }}</span>
        <span class="we-number" :class="{ 'we-late': elapsed > restart.estimate_s }">{{ time }}</span></div>
      <ol class="we-steps" :aria-label="t('Progress')">
        <li v-for="([state, label], index) in steps" :key="state" :class="{ 'we-done': index < reached, 'we-now': index === reached }"
          :aria-current="index === reached ? 'step' : undefined"><span class="we-hidden">{{ label }}</span></li>
      </ol>
    </div>`,
};
