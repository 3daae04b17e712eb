// What a log shows: which bots, levels and words, live or around a moment. The page's address says the same.
//
// A mixin: the component has the props `bots`, `initial` and `isSingle`, and emits `want`.
import { nt, t } from "we-language";

const LEVELS = ["error", "warning", "info", "debug", "other"];
const LEVEL_LABELS = {
  error: t("error"),
  warning: t("warning"),
  info: t("info"),
  debug: t("debug"),
  other: t("other"),
};

export const queried = {
  data() {
    return {
      chosen: [...this.initial.bots],
      levels: [...this.initial.levels],
      pattern: this.initial.pattern,
      at: this.initial.at ? Date.parse(this.initial.at) : null,
      isPicking: false,
      isCopied: false,
      levelNames: LEVELS,
      levelLabels: LEVEL_LABELS,
    };
  },
  computed: {
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
    pickLabel() {
      if (this.chosen.length === 1) return this.names[this.chosen[0]] ?? this.chosen[0];
      return this.chosen.length ? nt("{count} bot", "{count} bots", this.chosen.length) : t("Choose bots");
    },
  },
  unmounted() {
    clearTimeout(this.timer);
  },
  methods: {
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
    async copyLink(line) {
      const query = new URLSearchParams(this.query);
      const last = line ?? this.lines[this.indexAt(this.top)];
      if (last?.at) query.set("at", new Date(last.at).toISOString());
      await navigator.clipboard?.writeText(`${location.origin}/admin/logs?${query}`);
      this.isCopied = true;
      setTimeout(() => (this.isCopied = false), 2000);
    },
  },
};
