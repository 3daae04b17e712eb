// What is unread, and that it was read: a part of the page's component. A thread is read up to its newest answer when
// somebody looks at its end. Marks only move forward, and what one tab marks clears the badge of the others.

const MARK_AFTER_MS = 600;
const LOOK_AGAIN_MS = 300;
const NOTHING_READ = Object.freeze({ base: 0, baseUpTo: 0, seqs: [], upTo: 0, asked: 0 });

/** Of a conversation: `base` unread up to place `baseUpTo`, then those at `seqs`; read up to `upTo`. */
function fromOverview({ last, unread, read_up_to }, known) {
  return {
    ...known,
    base: unread,
    baseUpTo: last.seq,
    seqs: known.seqs.filter((seq) => seq > last.seq),
    upTo: Math.max(read_up_to, known.upTo),
  };
}

export const marks = {
  data() {
    const { overview } = JSON.parse(this.start);
    return {
      reads: Object.fromEntries(Object.entries(overview).map(([name, of]) => [name, fromOverview(of, NOTHING_READ)])),
    };
  },
  computed: {
    unread() {
      return Object.fromEntries(Object.entries(this.reads).map(([name, { base, seqs }]) => [name, base + seqs.length]));
    },
  },
  mounted() {
    document.addEventListener("visibilitychange", this.markSoon);
  },
  unmounted() {
    document.removeEventListener("visibilitychange", this.markSoon);
    clearTimeout(this.marking);
    clearTimeout(this.looking);
  },
  methods: {
    /** Each conversation's last line, and what of it is unread: called by the server. */
    showOverview(overview) {
      this.answeredTo({ what: "overview" });
      for (const [name, of] of Object.entries(overview)) {
        this.reads[name] = fromOverview(of, this.readsOf(name));
        if (!this.latest[name]) this.latest[name] = of.last;
      }
    },
    readsOf(name) {
      return this.reads[name] ?? NOTHING_READ;
    },
    countAnswer(name, seq) {
      const reads = this.readsOf(name);
      const isCounted = seq <= Math.max(reads.baseUpTo, reads.upTo) || reads.seqs.includes(seq);
      if (!isCounted && !this.isSeen(name)) this.reads[name] = { ...reads, seqs: [...reads.seqs, seq] };
    },
    hearMark({ bot, up_to }) {
      const reads = this.readsOf(bot);
      const isInside = reads.base > 0 && up_to < reads.baseUpTo;
      const base = isInside ? reads.base : 0;
      this.reads[bot] = {
        ...reads,
        base,
        seqs: reads.seqs.filter((seq) => seq > up_to),
        upTo: Math.max(reads.upTo, up_to),
      };
      if (isInside) this.lookSoon();
    },
    /** A line is gone. It may have been the last one, or unread. */
    countDeleted(name, id) {
      const isLast = this.latest[name]?.id === id;
      if (isLast) delete this.latest[name];
      if (isLast || this.unread[name]) this.lookSoon();
    },
    lookSoon() {
      clearTimeout(this.looking);
      this.looking = setTimeout(() => this.ask("overview"), LOOK_AGAIN_MS);
    },
    isSeen(name) {
      const isShown = name === this.chosen && this.thread.isLoaded && this.$refs.scroll?.offsetParent;
      return Boolean(isShown) && this.isAtEnd && document.visibilityState === "visible";
    },
    markSoon() {
      clearTimeout(this.marking);
      this.marking = setTimeout(this.mark, MARK_AFTER_MS);
    },
    mark() {
      const name = this.chosen;
      if (!name || !this.isSeen(name)) return;
      const newest = this.thread.messages.findLast((message) => message.role === "bot" && message.seq !== null);
      const reads = this.readsOf(name);
      if (!newest || newest.seq <= Math.max(reads.upTo, reads.asked)) return;
      this.reads[name] = { ...reads, base: 0, seqs: [], asked: newest.seq };
      this.ask("read", { bot: name, seq: newest.seq });
    },
    /** It was not noted: the next look asks again. */
    unmark(name) {
      this.reads[name] = { ...this.readsOf(name), asked: 0 };
    },
  },
};
