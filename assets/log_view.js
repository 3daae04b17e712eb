// Logs of bots: only the lines in sight are in the page, a bounded number of them in memory.
//
// Lines come as "logs" messages on NiceGUI's socket; each is answered when it is drawn, and the server sends no more
// than a few ahead. While paused nothing is drawn and the server keeps, drops and counts.
import { Icon } from "we-icon";
import { coloured } from "we-ansi";
import { hueOf } from "we-avatar";
import { socketed } from "we-socket";
import { SPEAKING, locale, nt, t } from "we-language";

const MAX_LINES = 5000;
const LINE_PX = 20;
const OVERSCAN = 10;
const LEVELS = ["error", "warning", "info", "debug", "other"];
const LEVEL_LABELS = {
  error: t("error"),
  warning: t("warning"),
  info: t("info"),
  debug: t("debug"),
  other: t("other"),
};
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/gu;
const PLAIN = /\x1b\[[\d;:]*m/g;

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
  mixins: [SPEAKING, socketed],
  props: { bots: Array, initial: Object, isSingle: Boolean },
  emits: ["want", "drawn", "pause"],
  data() {
    return {
      chosen: [...this.initial.bots],
      levels: [...this.initial.levels],
      pattern: this.initial.pattern,
      at: this.initial.at ? Date.parse(this.initial.at) : null,
      turn: 0,
      counts: [0, 0, 0, 0],
      problems: {},
      error: "",
      isLive: true,
      isReady: false,
      isPaused: false,
      pausedAt: 0,
      isFollowing: true,
      isWrapped: false,
      isPicking: false,
      isCopied: false,
      version: 0,
      top: 0,
      height: 600,
      columns: 120,
      focus: null,
      levelNames: LEVELS,
      levelLabels: LEVEL_LABELS,
    };
  },
  computed: {
    skippedWhilePaused() {
      return this.isPaused ? Math.max(0, this.counts[0] - this.pausedAt) : 0;
    },
    offsets() {
      void this.version;
      const offsets = new Float64Array(this.lines.length + 1);
      for (let index = 0; index < this.lines.length; index++) {
        offsets[index + 1] = offsets[index] + (this.isWrapped ? this.rows(this.lines[index]) : 1) * LINE_PX;
      }
      return offsets;
    },
    total() {
      return this.offsets[this.offsets.length - 1];
    },
    visible() {
      const { offsets } = this;
      const first = Math.max(0, this.indexAt(this.top) - OVERSCAN);
      const last = Math.min(this.lines.length, this.indexAt(this.top + this.height) + OVERSCAN);
      return this.lines.slice(first, last).map((line, index) => ({
        line,
        key: line.key,
        style: {
          top: `${offsets[first + index]}px`,
          height: `${offsets[first + index + 1] - offsets[first + index]}px`,
        },
      }));
    },
    query() {
      const query = new URLSearchParams({ bots: this.chosen.join(",") });
      if (this.levels.length) query.set("level", this.levels.join(","));
      if (this.pattern) query.set("q", this.pattern);
      return query;
    },
    download() {
      const query = new URLSearchParams(this.query);
      query.set("format", "text");
      query.set("limit", "5000");
      if (this.at) {
        query.set("since", new Date(this.at - 30000).toISOString());
        query.set("order", "oldest");
      }
      return `/api/admin/logs?${query}`;
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
    pickLabel() {
      if (this.chosen.length === 1) return this.names[this.chosen[0]] ?? this.chosen[0];
      return this.chosen.length ? nt("{count} bot", "{count} bots", this.chosen.length) : t("Choose bots");
    },
  },
  created() {
    this.lines = []; // not reactive: replaced often, and Vue need not look into it
    this.key = 0;
  },
  mounted() {
    this.observer = new ResizeObserver(this.measure);
    this.observer.observe(this.$refs.box);
    this.measure();
    document.addEventListener("keydown", this.pressed);
  },
  unmounted() {
    this.observer.disconnect();
    clearTimeout(this.timer);
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
    add(lines) {
      for (const [at, bot, isError, level, text] of lines) {
        this.lines.push({ key: this.key++, at, bot, isError, level, text });
      }
      const over = this.lines.length - MAX_LINES;
      const before = over > 0 ? this.offsets[Math.min(over, this.offsets.length - 1)] : 0;
      if (over > 0) this.lines = this.lines.slice(over);
      this.version++;
      this.$nextTick(() => {
        if (this.isFollowing) this.follow();
        else if (before) this.$refs.box.scrollTop -= before; // what one reads stays where it is
      });
    },
    rows(line) {
      if (line.rows && line.columns === this.columns) return line.rows;
      const plain = (line.text ?? "").replace(PLAIN, "");
      const width = plain.length + (plain.match(WIDE)?.length ?? 0);
      line.columns = this.columns;
      line.rows = Math.max(1, Math.ceil(width / this.columns));
      return line.rows;
    },
    indexAt(px) {
      let [low, high] = [0, this.lines.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.offsets[middle + 1] <= px) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    measure() {
      const { box, ruler, head } = this.$refs;
      if (!box) return;
      this.height = box.clientHeight;
      const character = ruler.getBoundingClientRect().width / 100;
      const used = this.isSingle ? 118 : box.clientWidth < 600 ? 100 : 230;
      this.columns = Math.max(20, Math.floor((box.clientWidth - used - 16) / character));
      void head;
    },
    scrolled() {
      const { box } = this.$refs;
      this.top = box.scrollTop;
      const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - LINE_PX;
      if (this.isLive) this.isFollowing = isAtEnd;
    },
    follow() {
      const { box } = this.$refs;
      this.isFollowing = true;
      box.scrollTop = box.scrollHeight;
      this.top = box.scrollTop;
    },
    showMoment(at) {
      const index = this.lines.findIndex((line) => line.at >= at);
      this.focus = index < 0 ? null : this.lines[index].key;
      this.$refs.box.scrollTop = Math.max(0, this.offsets[index < 0 ? this.lines.length : index] - this.height / 3);
      this.scrolled();
    },
    want() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.ask();
        if (this.isSingle) return;
        const query = new URLSearchParams(this.query);
        if (this.at) query.set("at", new Date(this.at).toISOString());
        history.replaceState(history.state, "", `${location.pathname}?${query}`);
      }, 250);
    },
    ask() {
      const at = this.at ? new Date(this.at).toISOString() : "";
      this.$emit("want", { bots: this.chosen, levels: this.levels, pattern: this.pattern, at });
    },
    toggleLevel(level) {
      this.levels = this.levels.includes(level) ? this.levels.filter((one) => one !== level) : [...this.levels, level];
      this.want();
    },
    toggleBot(name) {
      this.chosen = this.chosen.includes(name) ? this.chosen.filter((one) => one !== name) : [...this.chosen, name];
      this.want();
    },
    chooseAll(isAll) {
      this.chosen = isAll ? this.bots.slice(0, 50).map((bot) => bot.name) : [];
      this.want();
    },
    jump(event) {
      const at = Date.parse(event.target.value);
      this.at = Number.isNaN(at) ? null : at;
      this.want();
    },
    goLive() {
      this.at = null;
      this.focus = null;
      this.want();
    },
    pause() {
      if (!this.isLive) return;
      this.isPaused = !this.isPaused;
      this.pausedAt = this.counts[0];
      this.$emit("pause", this.isPaused);
      if (!this.isPaused) this.follow();
    },
    wrap() {
      this.isWrapped = !this.isWrapped;
      this.measure();
      this.$nextTick(() => this.isFollowing && this.follow());
    },
    async copyLink(line) {
      const query = new URLSearchParams(this.query);
      const last = line ?? this.lines[this.indexAt(this.top)];
      if (last?.at) query.set("at", new Date(last.at).toISOString());
      await navigator.clipboard?.writeText(`${location.origin}/admin/logs?${query}`);
      this.isCopied = true;
      setTimeout(() => (this.isCopied = false), 2000);
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
