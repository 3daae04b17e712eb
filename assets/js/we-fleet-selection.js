// Which bots of the Fleet page are selected, as a mixin: one, a range with Shift, a group, or all that are shown.

/** For a component with `order`, `names` (as they are shown) and `seq`. Gives `marked`, `isAllMarked` and the ways to select. */
export const fleetSelection = {
  data: () => ({ selected: new Set(), lastSelected: null }),
  computed: {
    /** Of the selected bots those that are still there. */
    marked() {
      return this.order.filter((name) => this.selected.has(name));
    },
    isAllMarked() {
      return this.names.length > 0 && this.names.every((name) => this.selected.has(name));
    },
  },
  watch: {
    seq() {
      if (this.selected.size && this.marked.length !== this.selected.size) this.selected = new Set(this.marked);
    },
  },
  methods: {
    select(name, event) {
      const from = this.names.indexOf(this.lastSelected);
      const to = this.names.indexOf(name);
      const isOn = !this.selected.has(name);
      const range =
        event?.shiftKey && from >= 0 ? this.names.slice(Math.min(from, to), Math.max(from, to) + 1) : [name];
      for (const one of range) isOn ? this.selected.add(one) : this.selected.delete(one);
      this.lastSelected = name;
    },
    selectAll() {
      this.selected = this.isAllMarked ? new Set() : new Set([...this.selected, ...this.names]);
    },
    selectGroup(names) {
      const isOn = !names.every((name) => this.selected.has(name));
      for (const name of names) isOn ? this.selected.add(name) : this.selected.delete(name);
    },
  },
};
