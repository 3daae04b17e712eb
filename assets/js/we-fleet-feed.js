// The fleet as it is now, for the board.
//
// Data arrives as numbered "fleet" messages on NiceGUI's socket: everything at each connection, then what changes. A
// number that does not follow the last one means that something was missed, and everything is asked for again. Until the
// socket is connected, as where a proxy blocks it, everything is asked for over HTTP.
import { LABELS } from "we-labels";
import { t } from "we-language";
import { socketed } from "we-socket";

const BEATS = 90;
const GRACE_S = 3;
const FIRST_MS = 2_000; // a socket that is not blocked is connected by then
const POLL_MS = 5_000;
const NOW = "/admin/fleet/now";
const STATUSES = Object.fromEntries(Object.entries(LABELS.letters).map(([status, letter]) => [letter, status]));

/** A bar from its packed form, see `console/live/fleet_snapshots.py`: `[checked_at, status, latency_ms]` each. */
export function unpacked([first, gaps, letters, latencies]) {
  let tenths = first;
  return gaps.map((gap, index) => [(tenths += gap) / 10, STATUSES[letters[index]], latencies[index]]);
}

/** A row that Vue does not look into: it is replaced when it changes. */
const row = (bot, beats) => Object.freeze({ ...bot, beats: Object.freeze(beats) });

export const fleetFeed = {
  mixins: [socketed],
  emits: ["resync"],
  data: () => ({
    seq: null,
    system: null,
    services: [],
    bots: {},
    order: [],
    now: Date.now() / 1000,
    skewS: 0,
  }),
  computed: {
    hasEngine() {
      return this.services.some((service) => service.name === "docker" && service.status !== "not_configured");
    },
    dependencies() {
      return this.services.filter((service) => service.role === "dependency");
    },
    partGroups() {
      const groups = [
        { key: "worker", title: t("Workers"), roles: ["worker"] },
        { key: "service", title: t("Stores and services"), roles: ["store", "service"] },
        { key: "job", title: t("Jobs"), roles: ["job"] },
      ];
      return groups
        .map((group) => ({ ...group, parts: this.services.filter((one) => group.roles.includes(one.role)) }))
        .filter((group) => group.parts.length);
    },
    serviceFaults() {
      return Object.fromEntries(this.services.map((service) => [service.name, service.fault]));
    },
    serviceTitles() {
      return Object.fromEntries(this.services.map((service) => [service.name, t(service.title)]));
    },
  },
  mounted() {
    this.timer = setInterval(this.tick, 1000);
    this.polling = setTimeout(this.poll, FIRST_MS);
  },
  unmounted() {
    clearInterval(this.timer);
    this.stopPolling();
  },
  methods: {
    heard() {
      return { fleet: this.receive };
    },
    receive(message) {
      this.skewS = message.now - Date.now() / 1000;
      this.tick();
      if (message.all) this.replace(message);
      if (message.all || this.seq === null) return; // else everything is on its way
      if (message.seq === this.seq + 1) this.change(message);
      else if (message.seq > this.seq) this.$emit("resync");
    },
    replace({ seq, all }) {
      this.seq = seq;
      this.system = all.system;
      this.services = all.services;
      this.order = all.bots.map((bot) => bot.name);
      this.bots = Object.fromEntries(all.bots.map((bot) => [bot.name, row(bot, unpacked(bot.beats))]));
      this.isConnected = true;
    },
    change({ seq, changes }) {
      this.seq = seq;
      if (changes.system) this.system = changes.system;
      if (changes.services) this.services = changes.services;
      for (const { new_beats: added, beats: packed, ...news } of changes.bots ?? []) {
        const before = this.bots[news.name];
        const beats = packed ? unpacked(packed) : added ? [...before.beats, ...added].slice(-BEATS) : before.beats;
        this.bots[news.name] = row({ ...before, ...news }, beats);
      }
      if (changes.order) {
        this.order = changes.order;
        this.bots = Object.fromEntries(this.order.map((name) => [name, this.bots[name]]));
      }
    },
    connected() {
      this.stopPolling();
      this.isConnected = true;
    },
    async poll() {
      const { polling } = this;
      const whole = await fetch(NOW, { cache: "no-store", redirect: "error" })
        .then((answer) => (answer.ok ? answer.json() : null))
        .catch(() => null);
      if (polling !== this.polling) return; // the socket is there meanwhile
      if (whole) this.receive(whole);
      else this.isConnected = false;
      this.polling = setTimeout(this.poll, POLL_MS);
    },
    stopPolling() {
      clearTimeout(this.polling);
      this.polling = null;
    },
    tick() {
      this.now = Date.now() / 1000 + this.skewS;
    },
    isStale(bot) {
      if (!this.isConnected) return true;
      if (bot.status === "restarting" || bot.checked_at === null) return false;
      return this.now - bot.checked_at > 2 * this.interval + GRACE_S;
    },
    statusOf(bot) {
      return this.isStale(bot) ? "unknown" : bot.status;
    },
  },
};
