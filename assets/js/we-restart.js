// A restart: the question before it, and its progress.
import { span } from "we-format";

const STEPS = [
  ["requested", "Requested"],
  ["stopping", "Stopping"],
  ["starting", "Starting"],
  ["health_check", "Health check"],
  ["online", "Online"],
];

export const RestartProgress = {
  props: { restart: Object, now: Number },
  data: () => ({ steps: STEPS }),
  computed: {
    reached() {
      return STEPS.findIndex(([state]) => state === this.restart.state);
    },
    elapsed() {
      return Math.max(0, this.now - this.restart.requested_at);
    },
    time() {
      return `${span(this.elapsed)} of ~${span(this.restart.estimate_s)}`;
    },
    title() {
      const late = this.elapsed > this.restart.estimate_s ? "\nLonger than usual" : "";
      return `Requested by ${this.restart.by}\n${STEPS.map(([, label]) => label).join(" → ")}${late}`;
    },
  },
  template: `
    <div class="we-restart" data-testid="restart-progress" :data-state="restart.state" :title="title">
      <div class="we-restart-text"><span class="we-now">{{ steps[reached]?.[1] }}</span>
        <span class="we-number" :class="{ 'we-late': elapsed > restart.estimate_s }">{{ time }}</span></div>
      <ol class="we-steps" aria-label="Progress of the restart">
        <li v-for="([state, label], index) in steps" :key="state" :class="{ 'we-done': index < reached, 'we-now': index === reached }"
          :aria-current="index === reached ? 'step' : undefined"><span class="we-hidden">{{ label }}</span></li>
      </ol>
    </div>`,
};

export const ConfirmRestart = {
  emits: ["confirmed"],
  data: () => ({ bot: null, affectedUsers: 0, estimateS: 0 }),
  computed: {
    impact() {
      if (this.affectedUsers === 0) return "Nobody is talking to it right now.";
      const people = this.affectedUsers === 1 ? "1 person is" : `${this.affectedUsers} people are`;
      return `${people} talking to it right now. What it is answering at this moment will be interrupted.`;
    },
  },
  methods: {
    span,
    ask(bot, affectedUsers, estimateS) {
      Object.assign(this, { bot, affectedUsers, estimateS });
      this.$refs.dialog.showModal();
    },
    confirm() {
      this.$refs.dialog.close();
      this.$emit("confirmed", this.bot.name);
    },
  },
  template: `
    <dialog ref="dialog" class="we-dialog" aria-labelledby="restart-title" data-testid="confirm-restart">
      <h2 id="restart-title">Restart {{ bot?.title }}?</h2>
      <p data-testid="affected-users">{{ impact }}</p>
      <p class="we-muted">It is usually back in about {{ span(estimateS) }}.</p>
      <div class="we-dialog-actions">
        <button class="we-button" type="button" @click="$refs.dialog.close()" autofocus>Cancel</button>
        <button class="we-button we-danger" type="button" data-testid="confirm" @click="confirm">Restart {{ bot?.title }}</button>
      </div>
    </dialog>`,
};
