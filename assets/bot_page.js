// The page of one bot: who it is, how it is right now, what can be done, and the tabs of everything else.
import { ACTIONS, ConfirmAction, offered, whyNot } from "we-bot-actions";
import { botNote, canaryNote, isRestarting } from "we-bot-note";
import { Avatar } from "we-avatar";
import { COLUMNS } from "we-fleet-columns";
import { fleetFeed } from "we-fleet-feed";
import { ago, exactly, latency, size, span } from "we-format";
import { Heartbeats, SLOTS } from "we-heartbeats";
import { RestartProgress } from "we-restart";
import { StatusMark, botStatus, breakerStatus } from "we-status";

const TILES = [
  ["Uptime", ["uptime_24h", "uptime_7d", "uptime_30d"]],
  ["Answer time", ["p50", "p95", "p99"]],
  ["Traffic", ["rate", "errors"]],
  ["Container", ["cpu", "memory", "restarts"]],
];

export default {
  components: { Avatar, ConfirmAction, Heartbeats, RestartProgress, StatusMark },
  mixins: [fleetFeed],
  props: { name: String, tabs: Array, tab: String, actions: Array, mayTry: Boolean, interval: Number, icons: String },
  emits: ["ask", "act", "try", "tab", "resync"],
  data: () => ({ current: null, asking: false, ACTIONS }),
  computed: {
    bot() {
      return this.bots[this.name] ?? null;
    },
    isOld() {
      return this.isStale(this.bot);
    },
    shown() {
      return botStatus(this.statusOf(this.bot));
    },
    breaker() {
      return this.isOld ? null : breakerStatus(this.bot.breaker);
    },
    isRestarting() {
      return isRestarting(this.bot);
    },
    note() {
      return botNote(this.bot, {
        now: this.now,
        isStale: this.isOld,
        titles: this.serviceTitles,
        faults: this.serviceFaults,
      });
    },
    tiles() {
      return TILES.map(([title, keys]) => [
        title,
        keys.map((key) => ({
          key,
          label: COLUMNS[key].label,
          ...COLUMNS[key].cell(this.bot, this.now, this.hasEngine),
        })),
      ]);
    },
    facts() {
      const { bot, now } = this;
      const { container, canary, policy } = bot;
      const containerCell = COLUMNS.container.cell(bot, now, this.hasEngine);
      const facts = [
        [
          "Health check",
          bot.latency_ms === null ? "no answer" : latency(bot.latency_ms),
          bot.checked_at ? exactly(bot.checked_at) : "",
        ],
        ["Last seen", bot.seen_at ? ago(bot.seen_at, now) : "never", bot.seen_at ? exactly(bot.seen_at) : ""],
        [
          "Canary",
          policy && !policy.is_canary_on ? "off" : canary ? canaryNote(canary, now) : "not tried yet",
          canary ? exactly(canary[1]) : "",
        ],
        ["Container", containerCell.text, containerCell.title],
      ];
      if (container?.image) facts.push(["Image", container.image, ""]);
      if (policy?.is_healed) facts.push(["Auto-heal", "on", ""]);
      return facts;
    },
    /** Where on the bar the oldest check is, in percent of its width. */
    firstBeat() {
      return (1 - this.bot.beats.length / SLOTS) * 100;
    },
    done() {
      return offered(this.actions, this.bot).map((key) => ({
        key,
        ...ACTIONS[key],
        why: whyNot(key, this.bot, this.hasEngine),
      }));
    },
    logs() {
      return `/admin/logs?bots=${encodeURIComponent(this.name)}`;
    },
  },
  created() {
    this.current = this.tab;
  },
  watch: {
    current() {
      this.$nextTick(this.bringTab);
    },
  },
  mounted() {
    this.bringTab();
    window.addEventListener("popstate", this.returned);
    document.addEventListener("keydown", this.key);
  },
  unmounted() {
    window.removeEventListener("popstate", this.returned);
    document.removeEventListener("keydown", this.key);
  },
  methods: {
    ago,
    latency,
    size,
    isWanted(name) {
      return name === this.name;
    },
    address(key) {
      return key === this.tabs[0][0] ? location.pathname : `${location.pathname}?tab=${key}`;
    },
    show(key) {
      if (key === this.current) return;
      history.pushState(null, "", this.address(key));
      this.turn(key);
    },
    turn(key) {
      this.current = key;
      this.$emit("tab", key);
    },
    /** Tabs that are wider than the screen: scroll to the one that is shown. */
    bringTab() {
      const tab = this.$refs.tablist?.querySelector("[aria-selected=true]");
      if (tab) {
        tab.parentElement.scrollLeft =
          tab.offsetLeft - tab.parentElement.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
      }
    },
    returned() {
      const wanted = new URLSearchParams(location.search).get("tab");
      const key = this.tabs.some(([known]) => known === wanted) ? wanted : this.tabs[0][0];
      if (key !== this.current) this.turn(key);
    },
    tabKey(event) {
      const keys = this.tabs.map(([key]) => key);
      const at = keys.indexOf(this.current);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + keys.length, Home: 0, End: keys.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.show(keys[to % keys.length]);
      this.$nextTick(() => this.$refs.tablist.querySelector("[aria-selected=true]").focus());
    },
    act(action) {
      if (!this.actions.includes(action) || whyNot(action, this.bot, this.hasEngine)) return;
      this.asking = true;
      setTimeout(() => (this.asking = false), 3000); // an error is shown elsewhere
      this.$emit("ask", { action, names: [this.name] });
    },
    /** Called by the server with what the action would cost. */
    confirm(action, names, affectedUsers, estimateS) {
      this.asking = false;
      const estimate = estimateS === null ? null : span(estimateS);
      this.$refs.confirm.ask({ action, bots: [this.bot], skipped: 0, affectedUsers, estimate });
    },
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.bot) return;
      if (event.target.closest?.("input, textarea, select, dialog, .q-dialog, [contenteditable]")) return;
      const keys = {
        r: () => this.act("restart"),
        l: () => location.assign(this.logs),
        t: this.mayTry && (() => this.$emit("try", this.name)),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    },
  },
  template: `
    <div class="we-board we-bot-page" :data-seq="seq" :aria-busy="seq === null">
      <div v-if="!bot && seq === null" class="we-skeleton" role="status" aria-label="Loading"><div class="we-bone we-bone-banner"></div><div class="we-bone we-bone-card"></div></div>
      <section v-else-if="!bot" class="we-empty" data-testid="gone"><h2>This bot is gone</h2>
        <p>It is no longer configured: no file or container describes it. <a href="/admin">Back to the fleet</a></p></section>
      <template v-else>
        <section class="we-bot-head" :data-status="statusOf(bot)" data-testid="bot-head" :class="{ 'we-stale': isOld }" aria-label="Right now">
          <div class="we-bot-who"><Avatar :name="bot.name" :title="bot.title" :emoji="bot.emoji" />
            <div class="we-two"><span class="we-marks"><StatusMark :of="shown" :icons="icons" data-testid="status" />
              <StatusMark v-if="breaker" :of="breaker" :icons="icons" :title="breaker.title" />
                <span class="we-note" :title="note" data-testid="note">{{ note }}</span></span>
              <span v-if="bot.description" class="we-muted we-bot-about" :title="bot.description">{{ bot.description }}</span></div></div>
          <div class="we-bot-actions">
            <span v-for="one in done" :key="one.key" :title="one.why"><button type="button" class="we-button" :disabled="one.why !== '' || asking"
              :data-testid="'do-' + one.key" @click="act(one.key)"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#' + one.icon"></use></svg>{{ one.label }}</button></span>
            <button v-if="mayTry" type="button" class="we-button" data-testid="do-try" @click="$emit('try', name)"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#conversation'"></use></svg>Try a message</button>
            <a class="we-button" :href="logs"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#logs'"></use></svg>Logs</a>
          </div>
          <div class="we-bot-beats"><RestartProgress v-if="isRestarting" :restart="bot.restart" :now="now" /><Heartbeats v-else :beats="bot.beats" />
            <div class="we-bot-scale we-muted"><span :style="{ marginLeft: firstBeat + '%' }">{{ firstBeat < 85 ? ago(bot.beats[0][0], now) : '' }}</span><span>now</span></div></div>
        </section>
      </template>
      <div v-if="tabs.length > 1" ref="tablist" class="we-tabs" role="tablist" aria-label="About this bot" @keydown="tabKey">
        <a v-for="[key, title] in tabs" :key="key" role="tab" :id="'tab-' + key" :href="address(key)" :aria-selected="key === current" aria-controls="section"
          :tabindex="key === current ? 0 : -1" :data-testid="'tab-' + key" @click.exact.prevent="show(key)">{{ title }}</a>
      </div>
      <template v-if="bot && current === tabs[0]?.[0]">
        <section class="we-tiles" aria-label="Figures">
          <h2 class="we-hidden">Figures</h2>
          <div v-for="[title, cells] in tiles" :key="title" class="we-tile"><h3>{{ title }}</h3>
            <dl><div v-for="cell in cells" :key="cell.key" :title="cell.title"><dt>{{ cell.label }}</dt><dd :class="cell.tone && 'we-ink-' + cell.tone">{{ cell.text }}</dd></div></dl></div>
        </section>
        <dl class="we-bot-facts" data-testid="facts"><div v-for="[label, text, title] in facts" :key="label" :title="title"><dt>{{ label }}</dt><dd>{{ text }}</dd></div></dl>
      </template>
      <ConfirmAction ref="confirm" @confirmed="$emit('act', $event)" />
    </div>`,
};
