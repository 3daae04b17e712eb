// The Fleet page: banner, service cards and the live table of bots.
//
// Data arrives as numbered "fleet" messages on NiceGUI's socket: everything at each connection, then what changes. A
// number that does not follow the last one means that something was missed, and everything is asked for again.
import { span } from "we-format";
import { ConfirmRestart } from "we-restart";
import { BotRow } from "we-bot-row";
import { ServiceCard } from "we-service";
import { BOT_STATUSES, StatusMark, systemStatus, weight, word } from "we-status";

const BEATS = 90;
const GRACE_S = 3;

const SORTS = {
  name: (bot) => bot.title.toLowerCase(),
  status: (bot) => -weight(bot.status),
  latency: (bot) => bot.latency_ms ?? Infinity,
  container: (bot) => bot.container?.started_at ?? Infinity,
  seen: (bot) => -(bot.seen_at ?? 0),
};
const COLUMNS = [
  ["name", "Bot"],
  ["status", "Status"],
  [null, "Health checks"],
  ["latency", "Answer time"],
  ["container", "Container"],
  ["seen", "Last seen"],
];

function median(beats) {
  const values = beats.map(([, , latency]) => latency).filter((value) => value !== null);
  values.sort((a, b) => a - b);
  return values.length ? values[values.length >> 1] : null;
}

/** A row that Vue does not look into: it is replaced when it changes. */
function row(bot, beats) {
  return Object.freeze({ ...bot, beats: Object.freeze(beats), median_ms: median(beats) });
}

export default {
  components: { BotRow, ConfirmRestart, ServiceCard, StatusMark },
  props: { mayRestart: Boolean, interval: Number, icons: String },
  emits: ["ask", "restart", "resync"],
  data: () => ({
    seq: null,
    system: null,
    services: [],
    bots: {},
    order: [],
    isConnected: true,
    now: Date.now() / 1000,
    skewS: 0,
    text: "",
    status: "all",
    sortKey: "status",
    isDescending: false,
    asking: null,
    columns: COLUMNS,
  }),
  computed: {
    banner() {
      return this.isConnected
        ? { ...systemStatus(this.system.status), text: this.system.headline }
        : { label: "Connection lost", tone: "idle", icon: "unknown", text: "Trying again; the figures below are the last known." };
    },
    counts() {
      const counts = {};
      for (const bot of Object.values(this.bots)) {
        const status = this.isStale(bot) ? "unknown" : bot.status;
        counts[status] = (counts[status] ?? 0) + 1;
      }
      return counts;
    },
    choices() {
      const total = this.order.length;
      const problems = total - (this.counts.online ?? 0) - (this.counts.maintenance ?? 0);
      const present = BOT_STATUSES.filter((status) => this.counts[status]).map((status) => [status, word(status), this.counts[status]]);
      return [["all", "All", total], ["problems", "Needs attention", problems], ...present];
    },
    visible() {
      const text = this.text.trim().toLowerCase();
      const matches = this.order
        .map((name) => this.bots[name])
        .filter((bot) => this.isChosen(bot))
        .filter((bot) => !text || [bot.name, bot.title, bot.description, bot.error].some((value) => value?.toLowerCase().includes(text)));
      const key = SORTS[this.sortKey];
      const sign = this.isDescending ? -1 : 1;
      return matches.sort((a, b) => {
        const [left, right] = [key(a), key(b)];
        return left < right ? -sign : left > right ? sign : a.title.localeCompare(b.title);
      });
    },
    hasEngine() {
      return this.services.some((service) => service.name === "docker" && service.status !== "not_configured");
    },
  },
  mounted() {
    // NiceGUI's root makes the socket after its children are mounted.
    this.$nextTick(() => {
      window.socket.on("fleet", this.receive);
      window.socket.on("connect", this.connected);
      window.socket.on("disconnect", this.disconnected);
    });
    this.timer = setInterval(this.tick, 1000);
    document.addEventListener("keydown", this.key);
  },
  unmounted() {
    clearInterval(this.timer);
    document.removeEventListener("keydown", this.key);
    window.socket?.off("fleet", this.receive);
    window.socket?.off("connect", this.connected);
    window.socket?.off("disconnect", this.disconnected);
  },
  methods: {
    span,
    receive(message) {
      this.skewS = message.now - Date.now() / 1000;
      this.tick();
      if (message.all) this.replace(message);
      else if (this.seq === null) return; // everything is on its way
      else if (message.seq === this.seq + 1) this.change(message);
      else if (message.seq > this.seq) this.$emit("resync");
    },
    replace({ seq, all }) {
      this.seq = seq;
      this.system = all.system;
      this.services = all.services;
      this.order = all.bots.map((bot) => bot.name);
      this.bots = Object.fromEntries(all.bots.map((bot) => [bot.name, row(bot, bot.beats)]));
      this.isConnected = true;
    },
    change({ seq, changes }) {
      this.seq = seq;
      if (changes.system) this.system = changes.system;
      if (changes.services) this.services = changes.services;
      for (const { new_beats: added, ...bot } of changes.bots ?? []) {
        const beats = added ? [...this.bots[bot.name].beats, ...added].slice(-BEATS) : bot.beats;
        this.bots[bot.name] = row(bot, beats);
      }
      if (changes.order) {
        this.order = changes.order;
        this.bots = Object.fromEntries(this.order.map((name) => [name, this.bots[name]]));
      }
    },
    connected() {
      this.isConnected = true;
    },
    disconnected() {
      this.isConnected = false;
    },
    tick() {
      this.now = Date.now() / 1000 + this.skewS;
    },
    isStale(bot) {
      if (!this.isConnected) return true;
      if (bot.status === "restarting" || bot.checked_at === null) return false;
      return this.now - bot.checked_at > 2 * this.interval + GRACE_S;
    },
    isChosen(bot) {
      if (this.status === "all") return true;
      const status = this.isStale(bot) ? "unknown" : bot.status;
      return this.status === "problems" ? !["online", "maintenance"].includes(status) : status === this.status;
    },
    sort(key) {
      this.isDescending = this.sortKey === key && !this.isDescending;
      this.sortKey = key;
    },
    ariaSort(key) {
      if (key !== this.sortKey) return key === null ? undefined : "none";
      return this.isDescending ? "descending" : "ascending";
    },
    key(event) {
      const isTyping = event.target.closest?.("input, textarea, select, dialog[open]");
      if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        this.$refs.search?.focus();
      } else if (event.key === "Escape" && event.target === this.$refs.search) {
        this.text = "";
      }
    },
    ask(name) {
      this.asking = name;
      setTimeout(() => (this.asking = null), 3000); // an error is shown elsewhere
      this.$emit("ask", name);
    },
    /** Called by the server with what the restart would cost. */
    confirmRestart(name, affectedUsers, estimateS) {
      this.asking = null;
      if (this.bots[name]) this.$refs.confirm.ask(this.bots[name], affectedUsers, estimateS);
    },
  },
  template: `
    <div class="we-board" :data-seq="seq" :aria-busy="seq === null">
      <div v-if="seq === null" class="we-skeleton" data-testid="skeleton" aria-label="Loading">
        <div class="we-bone we-bone-banner"></div>
        <div class="we-cards"><div v-for="n in 4" :key="n" class="we-bone we-bone-card"></div></div>
        <div class="we-bone we-bone-table"></div>
      </div>
      <template v-else>
        <section class="we-banner" :class="'we-tone-' + banner.tone" role="status" data-testid="banner" :data-status="system.status">
          <StatusMark :of="banner" :icons="icons" /><span class="we-headline">{{ banner.text }}</span>
        </section>
        <details v-if="system.problems.length" class="we-problems" data-testid="problems">
          <summary><svg class="we-icon" aria-hidden="true"><use :href="icons + '#note'"></use></svg>
            {{ system.problems.length === 1 ? '1 note' : system.problems.length + ' notes' }} on the configuration of the fleet</summary>
          <ul><li v-for="problem in system.problems" :key="problem">{{ problem }}</li></ul>
        </details>
        <section class="we-cards" aria-label="Services">
          <ServiceCard v-for="service in services" :key="service.name" :service="service" :now="now" :icons="icons"
            :is-stale="!isConnected" />
        </section>
        <section v-if="!order.length" class="we-empty" data-testid="empty">
          <h2>No bots yet</h2>
          <p>Describe each bot in a file <code>.env.&lt;bot&gt;</code> in the folder <code>BOTS_ENV_DIR</code>
            (its <code>HEALTH_CHECK_PORT</code> is enough), or list them all in the file that <code>BOTS_CONFIG</code> names.
            Containers with the bot label appear by themselves.</p>
        </section>
        <section v-else aria-label="Bots">
          <div class="we-toolbar">
            <label class="we-filter"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#search'"></use></svg>
              <input ref="search" v-model="text" type="search" placeholder="Find a bot  ( / )" aria-label="Find a bot" data-testid="filter"></label>
            <div class="we-chips" role="group" aria-label="Status">
              <button v-for="[value, label, count] in choices" :key="value" type="button" class="we-chip" :aria-pressed="status === value"
                :data-testid="'chip-' + value" @click="status = value">{{ label }} <span class="we-number">{{ count }}</span></button>
            </div>
          </div>
          <div class="we-table-box"><table class="we-table">
            <thead><tr>
              <th v-for="[key, label] in columns" :key="label" scope="col" :class="'we-head-' + (key ?? 'beats')" :aria-sort="ariaSort(key)">
                <button v-if="key" type="button" class="we-sort" @click="sort(key)">{{ label }}<span class="we-arrow" aria-hidden="true">{{
                  key === sortKey ? (isDescending ? '↓' : '↑') : '' }}</span></button>
                <template v-else>{{ label }}</template></th>
              <th v-if="mayRestart" scope="col" class="we-head-actions"><span class="we-hidden">Actions</span></th>
            </tr></thead>
            <tbody>
              <BotRow v-for="bot in visible" :key="bot.name" :bot="bot" :now="now" :icons="icons" :is-stale="isStale(bot)"
                :is-asking="asking === bot.name" :may-restart="mayRestart" :has-engine="hasEngine" @restart="ask" />
              <tr v-if="!visible.length" class="we-none"><td :colspan="mayRestart ? 7 : 6">No bot matches.
                <button type="button" class="we-link" @click="text = ''; status = 'all'">Show all</button></td></tr>
            </tbody>
          </table></div>
        </section>
        <ConfirmRestart ref="confirm" @confirmed="$emit('restart', $event)" />
      </template>
    </div>`,
};
