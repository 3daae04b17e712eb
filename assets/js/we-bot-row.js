// One bot as a row of the table; a card on a phone.
import { Avatar } from "we-avatar";
import { ago, exactly, latency, span } from "we-format";
import { Heartbeats } from "we-heartbeats";
import { RestartProgress } from "we-restart";
import { StatusMark, botStatus, breakerStatus, word } from "we-status";

const BACK_ONLINE_S = 60;

export const BotRow = {
  components: { Avatar, Heartbeats, RestartProgress, StatusMark },
  emits: ["restart"],
  props: { bot: Object, now: Number, icons: String, isStale: Boolean, isAsking: Boolean, mayRestart: Boolean, hasEngine: Boolean },
  computed: {
    shown() {
      return botStatus(this.isStale ? "unknown" : this.bot.status);
    },
    breaker() {
      return this.isStale ? null : breakerStatus(this.bot.breaker);
    },
    calls() {
      const [running, slots, waiting] = this.bot.calls;
      if (this.isStale || running + waiting === 0) return "";
      return `calls ${running}/${slots}` + (waiting ? ` (+${waiting} waiting)` : "");
    },
    isRestarting() {
      return this.bot.restart !== null && this.bot.restart.finished_at === null;
    },
    seen() {
      return this.bot.seen_at ? ago(this.bot.seen_at, this.now) : "never";
    },
    seenExactly() {
      return this.bot.seen_at ? exactly(this.bot.seen_at) : "No health check has succeeded yet";
    },
    note() {
      const { bot } = this;
      if (this.isStale) return bot.seen_at ? `last seen ${this.seen}` : "not checked yet";
      if (this.isRestarting) return "";
      const restart = bot.restart;
      if (restart?.state === "failed" && bot.status !== "online") return `Restart failed: ${restart.error ?? "no reason given"}`;
      if (restart?.state === "online" && this.now - restart.finished_at < BACK_ONLINE_S) {
        return `back after ${span(restart.duration_s)}`;
      }
      if (bot.status === "unknown") return bot.seen_at ? `last seen ${this.seen}` : "not checked yet";
      if (bot.status !== "online" && bot.error) return bot.error;
      return this.calls;
    },
    container() {
      const { container } = this.bot;
      if (!container) return { state: this.hasEngine ? "no container" : "–", isMuted: true };
      const age = container.state === "running" && container.started_at ? ` · ${span(this.now - container.started_at)}` : "";
      const end = container.exit_code === null ? "" : ` (${container.oom_killed ? "out of memory" : `code ${container.exit_code}`})`;
      return { state: container.state + age + end, detail: container.image, title: this.containerTitle(container) };
    },
    whyNot() {
      if (this.isRestarting) return "A restart is under way";
      if (!this.hasEngine) return "No container engine is configured";
      if (!this.bot.container) return "No container of this bot is known";
      return this.bot.container.is_managed ? "" : "The container does not carry the bot label";
    },
  },
  methods: {
    latency,
    word,
    containerTitle(container) {
      const lines = [`${container.kind} ${container.name}`];
      if (container.health) lines.push(`engine's own check: ${container.health}`);
      if (container.started_at) lines.push(`started ${exactly(container.started_at)}`);
      if (container.restart_count) lines.push(`restarted ${container.restart_count} times by the engine`);
      return lines.join("\n");
    },
  },
  template: `
    <tr :data-testid="'bot-' + bot.name" :data-status="isStale ? 'unknown' : bot.status" :class="{ 'we-stale': isStale }">
      <th scope="row" class="we-cell-bot"><span class="we-bot"><Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
        <span class="we-two"><span class="we-strong we-cut" :title="bot.description">{{ bot.title }}</span>
          <span class="we-muted we-cut">{{ bot.name }}<template v-if="bot.port"> :{{ bot.port }}</template></span></span></span>
      </th>
      <td class="we-cell-status">
        <span class="we-two"><span class="we-marks"><StatusMark :of="shown" :icons="icons" />
            <StatusMark v-if="breaker" :of="breaker" :icons="icons" :title="breaker.title" data-testid="breaker" /></span>
          <span class="we-note" :title="note" data-testid="note">{{ note }}</span></span>
      </td>
      <td class="we-cell-beats">
        <RestartProgress v-if="isRestarting" :restart="bot.restart" :now="now" />
        <Heartbeats v-else :beats="bot.beats" />
      </td>
      <td class="we-cell-latency we-number" data-label="Answer time">
        <span class="we-two"><span>{{ latency(bot.latency_ms) }}</span>
          <span class="we-muted" title="Median of the checks shown">{{ bot.median_ms === null ? '' : '~ ' + latency(bot.median_ms) }}</span></span>
      </td>
      <td class="we-cell-container" data-label="Container" :title="container.title">
        <span class="we-two"><span class="we-cut" :class="{ 'we-muted': container.isMuted }">{{ container.state }}</span>
          <span class="we-muted we-cut">{{ container.detail }}</span></span>
      </td>
      <td class="we-cell-seen we-number" data-label="Last seen"><time :title="seenExactly">{{ seen }}</time></td>
      <td v-if="mayRestart" class="we-cell-actions">
        <span :title="whyNot"><button class="we-button we-quiet" type="button" :disabled="whyNot !== '' || isAsking"
          :data-testid="'restart-' + bot.name" :aria-label="'Restart ' + bot.title" @click="$emit('restart', bot.name)">
          <svg class="we-icon" aria-hidden="true"><use :href="icons + '#restart'"></use></svg><span>Restart</span></button></span>
      </td>
    </tr>`,
};
