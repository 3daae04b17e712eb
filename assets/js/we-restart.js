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
    share() {
      return Math.min(1, this.elapsed / Math.max(1, this.restart.estimate_s));
    },
    text() {
      const late = this.elapsed > this.restart.estimate_s ? ", longer than usual" : "";
      return `${span(this.elapsed)} of about ${span(this.restart.estimate_s)}${late}`;
    },
  },
  template: `
    <div class="we-restart" data-testid="restart-progress" :data-state="restart.state">
      <ol class="we-steps" aria-label="Progress of the restart">
        <li v-for="([state, label], index) in steps" :key="state"
          :class="{ 'we-done': index < reached, 'we-now': index === reached }"
          :aria-current="index === reached ? 'step' : undefined">{{ label }}</li>
      </ol>
      <div class="we-progress" role="progressbar" :aria-valuenow="Math.round(share * 100)" aria-valuemin="0" aria-valuemax="100"
        :aria-label="text"><span :style="{ transform: 'scaleX(' + share + ')' }"></span></div>
      <div class="we-restart-time">{{ text }} · by {{ restart.by }}</div>
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
