// Of a long list only what is on the screen is in the document; the page itself scrolls.

const FEW = 60; // so many are simply all there: the browser's own search finds them
const MARGIN_PX = 400;

/** For a component with `items`, `heightOf(item)` and `$refs.body`. Gives `shownItems`, `spaceBefore`, `spaceAfter`. */
export const windowed = {
  data: () => ({ first: 0, last: FEW }),
  computed: {
    isWindowed() {
      return this.items.length > FEW;
    },
    ends() {
      let sum = 0;
      return this.isWindowed ? this.items.map((item) => (sum += this.heightOf(item))) : [];
    },
    shownItems() {
      return this.isWindowed ? this.items.slice(this.first, this.last) : this.items;
    },
    spaceBefore() {
      return this.isWindowed && this.first > 0 ? this.ends[Math.min(this.first, this.ends.length) - 1] : 0;
    },
    spaceAfter() {
      if (!this.isWindowed || this.last >= this.items.length) return 0;
      return this.ends.at(-1) - this.ends[this.last - 1];
    },
  },
  watch: {
    ends: { handler: "look", flush: "post" },
  },
  mounted() {
    window.addEventListener("scroll", this.look, { passive: true });
    window.addEventListener("resize", this.look, { passive: true });
    this.look();
  },
  unmounted() {
    window.removeEventListener("scroll", this.look);
    window.removeEventListener("resize", this.look);
  },
  methods: {
    look() {
      if (!this.isWindowed || !this.$refs.body) return;
      const from = -this.$refs.body.getBoundingClientRect().top - MARGIN_PX;
      const first = Math.max(0, this.place(from));
      const last = Math.min(this.items.length, this.place(from + innerHeight + 2 * MARGIN_PX) + 1);
      if (first !== this.first) this.first = first;
      if (last !== this.last) this.last = last;
    },
    /** The item at so many pixels from the first. */
    place(px) {
      let [low, high] = [0, this.ends.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.ends[middle] <= px) low = middle + 1;
        else high = middle;
      }
      return low;
    },
    /** Scroll so far that an item is in the document, if it is not. */
    async bring(index) {
      if (!this.isWindowed || !this.$refs.body) return;
      const top = this.$refs.body.getBoundingClientRect().top;
      const end = top + this.ends[index];
      const start = end - this.heightOf(this.items[index]);
      if (start < 60) window.scrollBy(0, start - 120);
      else if (end > innerHeight - 80) window.scrollBy(0, end - innerHeight + 140);
      this.look();
      await this.$nextTick();
    },
  },
};
