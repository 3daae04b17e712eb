// The lines of a log: a bounded number of them in memory, and only those in sight in the page.
//
// A mixin: the component has `isSingle`, `isLive`, and a `box` with a `ruler` of a hundred characters in it.
const MAX_LINES = 5000;
const LINE_PX = 20;
const OVERSCAN = 10;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/gu;
const PLAIN = /\x1b\[[\d;:]*m/g;

export const lined = {
  data: () => ({
    isFollowing: true,
    isWrapped: false,
    version: 0,
    top: 0,
    height: 600,
    columns: 120,
    focus: null,
  }),
  computed: {
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
  },
  created() {
    this.lines = []; // not reactive: replaced often, and Vue need not look into it
    this.key = 0;
  },
  mounted() {
    this.observer = new ResizeObserver(this.measure);
    this.observer.observe(this.$refs.box);
    this.measure();
  },
  unmounted() {
    this.observer.disconnect();
  },
  methods: {
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
      const { box, ruler } = this.$refs;
      if (!box) return;
      this.height = box.clientHeight;
      const character = ruler.getBoundingClientRect().width / 100;
      const used = this.isSingle ? 118 : box.clientWidth < 600 ? 100 : 230;
      this.columns = Math.max(20, Math.floor((box.clientWidth - used - 16) / character));
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
    wrap() {
      this.isWrapped = !this.isWrapped;
      this.measure();
      this.$nextTick(() => this.isFollowing && this.follow());
    },
  },
};
