// What is being restarted, started or stopped right now, and the rolling restart: progress with its own clock, so that
// the server only has to tell the steps.
import { span } from "we-format";
import { stepsOf } from "we-restart";
import { StatusMark } from "we-status";

const ROLLING = {
  running: { label: "Running", tone: "busy", icon: "restarting" },
  done: { label: "Done", tone: "ok", icon: "online" },
  failed: { label: "Stopped at a failure", tone: "bad", icon: "offline" },
  aborted: { label: "Aborted", tone: "warn", icon: "stop" },
  interrupted: { label: "Interrupted", tone: "warn", icon: "unknown" },
};
const STEP = {
  waiting: { label: "Waiting", tone: "idle", icon: "paused" },
  restarting: { label: "Restarting", tone: "busy", icon: "restarting" },
  canary: { label: "Trying a message", tone: "busy", icon: "starting" },
  done: { label: "Online", tone: "ok", icon: "online" },
  failed: { label: "Failed", tone: "bad", icon: "offline" },
  untouched: { label: "Not touched", tone: "idle", icon: "unknown" },
};

const Progress = {
  props: { action: Object, now: Number },
  computed: {
    steps() {
      return stepsOf(this.action);
    },
    reached() {
      return this.steps.findIndex(([state]) => state === this.action.state);
    },
    elapsed() {
      return Math.max(0, this.now - this.action.requested_at);
    },
    isLate() {
      return this.elapsed > this.action.estimate_s;
    },
  },
  methods: { span },
  template: `
    <div class="we-restart" data-testid="action-progress" :data-state="action.state">
      <div class="we-restart-text"><span class="we-now">{{ steps[reached]?.[1] }}</span>
        <span class="we-number" :class="{ 'we-late': isLate }">{{ span(elapsed) }} of ~{{ span(action.estimate_s) }}{{ isLate ? ", longer than usual" : "" }}</span></div>
      <ol class="we-steps" :aria-label="'Progress of ' + action.title">
        <li v-for="([state, label], index) in steps" :key="state" :class="{ 'we-done': index < reached, 'we-now': index === reached }"
          :aria-current="index === reached ? 'step' : undefined"><span class="we-hidden">{{ label }}</span></li>
      </ol>
    </div>`,
};

export default {
  components: { Progress, StatusMark },
  props: { icons: String, actions: Array, rolling: Object, serverNow: Number, mayAct: Boolean },
  emits: ["abort"],
  data: () => ({ now: Date.now() / 1000, skewS: 0, isAborting: false }),
  computed: {
    state() {
      const { rolling } = this;
      if (rolling.state === "running" && rolling.abort_requested_by) {
        return { label: "Ends after this batch", tone: "warn", icon: "restarting" };
      }
      return ROLLING[rolling.state];
    },
    done() {
      return this.rolling.steps.filter((step) => step.state === "done").length;
    },
    summary() {
      const { rolling } = this;
      const end = rolling.finished_at ?? this.now;
      const batch = rolling.batch_size === 1 ? "one at a time" : `${rolling.batch_size} at a time`;
      const time = `${span(end - rolling.requested_at)}${rolling.finished_at ? "" : ` of ~${span(rolling.estimate_s)}`}`;
      return `${this.done} of ${rolling.steps.length} bots restarted, ${batch} · begun by ${rolling.by} · ${time}`;
    },
    others() {
      const shown =
        this.rolling?.state === "running"
          ? new Set(this.rolling.steps.filter(this.isUnderWay).map((step) => step.bot))
          : new Set();
      return this.actions.filter((action) => !shown.has(action.bot));
    },
    byBot() {
      return Object.fromEntries(this.actions.map((action) => [action.bot, action]));
    },
  },
  watch: {
    serverNow: { immediate: true, handler: "synchronise" },
    rolling() {
      this.isAborting = false;
    },
  },
  mounted() {
    this.timer = setInterval(this.tick, 1000);
  },
  unmounted() {
    clearInterval(this.timer);
  },
  methods: {
    span,
    synchronise() {
      this.skewS = this.serverNow - Date.now() / 1000;
      this.tick();
    },
    tick() {
      this.now = Date.now() / 1000 + this.skewS;
    },
    stepMark(step) {
      return STEP[step.state];
    },
    isUnderWay(step) {
      return step.state === "restarting" && this.byBot[step.bot];
    },
    abort() {
      this.isAborting = true;
      this.$emit("abort", this.rolling.id);
    },
  },
  template: `
    <div class="we-live">
      <section v-if="rolling" class="we-panel we-rolling" aria-labelledby="rolling-title" data-testid="rolling" :data-state="rolling.state">
        <div class="we-rolling-head">
          <h2 id="rolling-title">Rolling restart</h2>
          <span role="status"><StatusMark :of="state" :icons="icons"></StatusMark></span>
          <button v-if="mayAct && rolling.state === 'running'" class="we-button we-danger" type="button" data-testid="abort"
            :disabled="isAborting || Boolean(rolling.abort_requested_by)" @click="abort">Abort after this batch</button>
        </div>
        <p class="we-muted we-number-text" data-testid="rolling-summary">{{ summary }}</p>
        <progress class="we-progress" :class="'we-progress-' + state.tone" :value="done" :max="rolling.steps.length" aria-label="Bots restarted"></progress>
        <p v-if="rolling.error" class="we-reason-text" :class="'we-reason-' + state.tone" data-testid="rolling-error">{{ rolling.error }}</p>
        <ol class="we-rolling-bots" tabindex="0" aria-label="Bots in their order">
          <li v-for="step in rolling.steps" :key="step.bot" :data-testid="'rolling-' + step.bot" :data-state="step.state">
            <span class="we-muted we-number">{{ step.batch }}</span>
            <span class="we-strong we-cut">{{ step.title }}</span>
            <StatusMark :of="stepMark(step)" :icons="icons"></StatusMark>
            <Progress v-if="isUnderWay(step)" :action="byBot[step.bot]" :now="now"></Progress>
            <span v-else class="we-muted we-step-note" :title="step.error">{{ step.error ?? (step.duration_s === null ? "" : "took " + (step.duration_s < 1 ? "less than 1 s" : span(step.duration_s))) }}</span>
          </li>
        </ol>
      </section>
      <section v-if="others.length" class="we-panel" aria-labelledby="running-title" data-testid="running">
        <h2 id="running-title">Happening now</h2>
        <ul class="we-running">
          <li v-for="action in others" :key="action.id" :data-testid="'running-' + action.bot">
            <div class="we-two"><span class="we-strong we-cut">{{ action.title }}</span><span class="we-muted we-cut">{{ action.what }}</span></div>
            <Progress :action="action" :now="now"></Progress>
          </li>
        </ul>
      </section>
    </div>`,
};
