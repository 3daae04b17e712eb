// Logs of bots: only the lines in sight are in the page, a bounded number of them in memory.
//
// Lines come as "logs" messages on NiceGUI's socket; each is answered when it is drawn, and the server sends no more
// than a few ahead. While paused nothing is drawn and the server keeps, drops and counts.
import { Icon } from "we-icon";
import { coloured } from "we-ansi";
import { hueOf } from "we-avatar";
import { socketed } from "we-socket";
import { lined } from "we-log-lines";
import { queried } from "we-log-query";
import { SPEAKING, locale, t } from "we-language";

const pad = (value, size) => String(value).padStart(size, "0");
function clock(ms) {
  const at = new Date(ms);
  return `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}.${pad(at.getMilliseconds(), 3)}`;
}
function localInput(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)}T${clock(ms).slice(0, 8)}`;
}
const whole = new Intl.NumberFormat(locale());

export default {
  components: { Icon },
  mixins: [SPEAKING, socketed, lined, queried],
  props: { bots: Array, initial: Object, isSingle: Boolean },
  emits: ["want", "drawn", "pause"],
  data() {
    return {
      turn: 0,
      counts: [0, 0, 0, 0],
      problems: {},
      error: "",
      isLive: true,
      isReady: false,
      isPaused: false,
      pausedAt: 0,
    };
  },
  computed: {
    skippedWhilePaused() {
      return this.isPaused ? Math.max(0, this.counts[0] - this.pausedAt) : 0;
    },
    names() {
      return Object.fromEntries(this.bots.map((bot) => [bot.name, bot.title]));
    },
    told() {
      return Object.entries(this.problems)
        .map(([name, problem]) => `${this.names[name] ?? name}: ${problem}`)
        .join(" ");
    },
    emptyText() {
      if (!this.chosen.length) return t("Choose at least one bot to see its log.");
      if (this.error) return t("Nothing is shown: see above.");
      if (this.told) return this.told;
      if (this.levels.length || this.pattern) return t("No matching lines yet. New ones appear automatically.");
      return t("No lines yet. New ones appear automatically.");
    },
  },
  mounted() {
    document.addEventListener("keydown", this.pressed);
  },
  unmounted() {
    document.removeEventListener("keydown", this.pressed);
  },
  methods: {
    clock,
    coloured,
    hueOf,
    locale,
    localInput,
    heard() {
      return { logs: this.receive };
    },
    listening() {
      if (window.socket.connected) this.ask(); // the server begins by itself only when a page connects
    },
    count: (value) => whole.format(value),
    receive(message) {
      if (message.view !== Number(this.$el.id.replace(/^c/, ""))) return;
      if (message.is_new) this.restart(message);
      if (message.turn !== this.turn) return;
      if (message.error !== undefined) this.error = message.error;
      if (message.counts) this.counts = message.counts;
      if (message.problems) this.problems = message.problems;
      if (message.skipped) this.lines.push({ key: this.key++, skipped: message.skipped });
      if (message.lines) this.add(message.lines);
      if (message.is_new && message.at) this.$nextTick(() => this.showMoment(message.at));
      if (message.number) requestAnimationFrame(() => this.$emit("drawn", [message.turn, message.number]));
    },
    restart(message) {
      this.turn = message.turn;
      this.isLive = message.is_live ?? !this.at;
      this.lines = [];
      this.counts = [0, 0, 0, 0];
      this.problems = {};
      this.error = "";
      this.isReady = true;
      this.isPaused = false;
      this.isFollowing = this.isLive;
      this.version++;
    },
    pause() {
      if (!this.isLive) return;
      this.isPaused = !this.isPaused;
      this.pausedAt = this.counts[0];
      this.$emit("pause", this.isPaused);
      if (!this.isPaused) this.follow();
    },
    pressed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") this.isPicking = false;
      const target = event.target;
      if (target.matches?.("input, textarea, select, button, summary, a, [contenteditable]")) return;
      if (this.isSingle && !this.$el.contains(target)) return;
      if (event.key === " ") this.pause();
      else if (event.key === "/") this.$refs.search.focus();
      else if (event.key === "End") this.follow();
      else return;
      event.preventDefault();
    },
  },
  template: `
    <section class="we-logs" :class="{ 'we-logs-single': isSingle }" data-testid="logs" :aria-label="t('Log')">
      <div class="we-toolbar">
        <div v-if="!isSingle" class="we-log-pick">
          <button type="button" class="we-button" :aria-expanded="isPicking" data-testid="pick" @click="isPicking = !isPicking">{{ pickLabel }} ▾</button>
          <div v-if="isPicking" class="we-log-menu" role="group" :aria-label="t('Bots')">
            <div class="we-log-menu-all"><button type="button" class="we-link" @click="chooseAll(true)">{{ t("All") }}</button>
              <button type="button" class="we-link" @click="chooseAll(false)">{{ t("None") }}</button></div>
            <label v-for="bot in bots" :key="bot.name"><input type="checkbox" :checked="chosen.includes(bot.name)" @change="toggleBot(bot.name)">
              <span class="we-log-dot" :style="{ '--we-hue': hueOf(bot.name) }"></span>{{ bot.title }}</label>
          </div>
        </div>
        <label class="we-filter"><Icon name="search" />
          <input ref="search" v-model="pattern" type="search" maxlength="200" :placeholder="t('Regex  ( / )')" :aria-label="t('Filter by regular expression')"
            data-testid="pattern" :aria-invalid="Boolean(error)" aria-describedby="we-log-error" @input="want"></label>
        <div class="we-chips" role="group" :aria-label="t('Levels')">
          <button v-for="level in levelNames" :key="level" type="button" class="we-chip" :class="'we-log-chip-' + level" :aria-pressed="levels.includes(level)"
            :data-testid="'level-' + level" @click="toggleLevel(level)">{{ levelLabels[level] }}</button>
        </div>
        <input type="datetime-local" step="1" class="we-log-at" :aria-label="t('Jump to a time')" :title="t('Jump to a time')" :value="at ? localInput(at) : ''" @change="jump">
        <div class="we-log-buttons">
          <button v-if="isLive" type="button" class="we-button we-quiet" :aria-pressed="isPaused" :title="t('Pause (space)')" data-testid="pause" @click="pause">
            <Icon :name="isPaused ? 'start' : 'paused'" />{{ isPaused ? t('Resume') : t('Pause') }}</button>
          <button v-else type="button" class="we-button we-primary" data-testid="live" @click="goLive">{{ t("Back to live") }}</button>
          <button type="button" class="we-button we-quiet" :aria-pressed="isWrapped" data-testid="wrap" @click="wrap">{{ t("Wrap") }}</button>
          <button type="button" class="we-button we-quiet" data-testid="copy-link" @click="copyLink()"><Icon name="link" />{{ isCopied ? t('Copied') : t('Link') }}</button>
          <a v-if="chosen.length" class="we-button we-quiet" :href="download" download data-testid="download"><Icon name="download" />{{ t("Download") }}</a>
        </div>
      </div>
      <div id="we-log-error" class="we-log-error" role="alert" data-testid="log-error">{{ error }}</div>
      <div ref="box" class="we-log-box" tabindex="0" role="log" aria-live="off" :aria-label="t('Lines')" data-testid="lines" @scroll.passive="scrolled">
        <span ref="ruler" class="we-log-ruler" aria-hidden="true">{{ '0'.repeat(100) }}</span>
        <div class="we-log-space" :style="{ height: total + 'px' }">
          <div v-for="row in visible" :key="row.key" class="we-log-line" :class="[row.line.level ? 'we-log-' + row.line.level : 'we-log-skip', { 'we-log-wrap': isWrapped, 'we-log-focus': row.key === focus }]" :style="row.style">
            <template v-if="row.line.skipped"><span data-testid="skipped">{{ t('skipped {lines} lines', { lines: count(row.line.skipped) }) }}</span></template>
            <template v-else><time class="we-log-time" :title="new Date(row.line.at).toISOString()">{{ clock(row.line.at) }}</time>
              <span v-if="!isSingle" class="we-log-bot" :style="{ '--we-hue': hueOf(row.line.bot) }">{{ row.line.bot }}</span>
              <span class="we-log-text"><span v-for="([text, kind], index) in coloured(row.line.text)" :key="index" :class="kind">{{ text }}</span></span></template>
          </div>
        </div>
        <div v-if="isReady && !total" class="we-log-empty" data-testid="empty">{{ emptyText }}</div>
      </div>
      <div class="we-log-foot we-muted"><span v-if="!isConnected" class="we-status-warn">{{ t("Connection lost. Reconnecting…") }}</span>
        <span v-else-if="isPaused" class="we-status-warn" data-testid="paused">{{ t('Paused: {lines} skipped', { lines: count(skippedWhilePaused) }) }}</span>
        <span v-else-if="isLive" class="we-status-ok">{{ t("Live") }}</span><span v-else>{{ t('Around {moment}', { moment: new Date(at).toLocaleString(locale()) }) }}</span>
        <span v-if="isLive" data-testid="counts">{{ t('{matched} matched · {shown} shown · {dropped} dropped', { matched: count(counts[0]), shown: count(counts[1]), dropped: count(counts[2]) }) }}</span>
        <span v-if="told">{{ told }}</span>
        <button v-if="isLive && !isFollowing && !isPaused" type="button" class="we-link" @click="follow">{{ t("Follow (End)") }}</button></div>
    </section>`,
};
