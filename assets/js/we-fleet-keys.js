// The keyboard of the Fleet page, as a mixin: it acts on the row that has the focus, or had it last.

/** For the Fleet page: it needs its `names`, `items`, `act`, `choose`, `select` and `bring`. Gives `cursor`. */
export const fleetKeys = {
  data: () => ({ cursor: null }),
  mounted() {
    document.addEventListener("keydown", this.key);
  },
  unmounted() {
    document.removeEventListener("keydown", this.key);
  },
  methods: {
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || this.seq === null) return;
      if (event.target === this.$refs.search && event.key === "Escape") this.text = "";
      if (
        event.target.closest?.(
          "input:not([type=checkbox]), textarea, select, dialog, .q-dialog, [role=menu], [contenteditable]",
        )
      ) {
        return;
      }
      const row = event.target.closest?.("tr[data-bot]");
      const isAtRest = row || event.target === document.body;
      const name = row?.dataset.bot ?? this.cursor;
      const keys = {
        "/": () => this.$refs.search?.focus(),
        j: () => this.move(name, 1),
        k: () => this.move(name, -1),
        ArrowDown: row && (() => this.move(name, 1)),
        ArrowUp: row && (() => this.move(name, -1)),
        r: name && (() => this.act("restart", [name])),
        l: name && (() => this.choose("logs", name)),
        t: name && this.mayTry && (() => this.choose("try", name)),
        x: name && this.isSelectable && (() => this.select(name, event)),
        Enter: event.target === document.body && name && (() => this.choose("open", name)),
        Escape: this.marked.length > 0 && isAtRest && (() => (this.selected = new Set())),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    },
    async move(name, step) {
      const at = this.names.indexOf(name);
      const to = at < 0 ? 0 : Math.min(this.names.length - 1, Math.max(0, at + step));
      const next = this.names[to];
      if (!next) return;
      this.cursor = next;
      await this.bring(this.items.findIndex((item) => item.key === next));
      this.$refs.body?.querySelector(`tr[data-bot="${CSS.escape(next)}"] .we-row-link`)?.focus();
    },
    focused(event) {
      this.cursor = event.target.closest?.("tr[data-bot]")?.dataset.bot ?? this.cursor;
    },
  },
};
