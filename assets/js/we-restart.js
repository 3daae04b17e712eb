// The progress of a restart, a start or a stop.
import { span } from "we-format";
import { LABELS } from "we-labels";

/** The steps of an action, in order, each with its word. */
export const stepsOf = ({ action }) => LABELS.steps_of[action].map((state) => [state, LABELS.steps[state]]);

export const RestartProgress = {
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
      return `${span(this.elapsed)} of ~${span(this.restart.estimate_s)}`;
    },
    title() {
      const late = this.elapsed > this.restart.estimate_s ? "\nLonger than usual" : "";
      return `Requested by ${this.restart.by}\n${this.steps.map(([, label]) => label).join(" → ")}${late}`;
    },
  },
  template: `
    <div class="we-restart" data-testid="restart-progress" :data-state="restart.state" :title="title">
      <div class="we-restart-text"><span class="we-now">{{ steps[reached]?.[1] }}</span>
        <span class="we-number" :class="{ 'we-late': elapsed > restart.estimate_s }">{{ time }}</span></div>
      <ol class="we-steps" aria-label="Progress">
        <li v-for="([state, label], index) in steps" :key="state" :class="{ 'we-done': index < reached, 'we-now': index === reached }"
          :aria-current="index === reached ? 'step' : undefined"><span class="we-hidden">{{ label }}</span></li>
      </ol>
    </div>`,
};
