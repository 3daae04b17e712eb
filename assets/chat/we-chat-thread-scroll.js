// Where in a thread the reader is, and keeping it there: a part of the page's component.
import { answering } from "we-chat-store";

const NEAR_TOP_PX = 300;
const NEAR_BOTTOM_PX = 60;

export const scroll = {
  data: () => ({ isAtEnd: true, hasNews: false }),
  mounted() {
    this.sizes = new ResizeObserver(() => this.isAtEnd && this.scrollToEnd());
  },
  unmounted() {
    this.sizes.disconnect();
  },
  methods: {
    watchSize() {
      this.sizes.disconnect();
      if (this.$refs.scroll) this.sizes.observe(this.$refs.scroll);
    },
    scrolled() {
      const box = this.$refs.scroll;
      const left = box.scrollHeight - box.scrollTop - box.clientHeight;
      // Whoever goes up while an answer grows is not pulled back, however small the step.
      const isGoingUp = box.scrollTop < this.lastTop && left > 2;
      this.lastTop = box.scrollTop;
      this.isAtEnd = left < NEAR_BOTTOM_PX && !isGoingUp;
      if (this.isAtEnd) {
        this.hasNews = false;
        this.markSoon();
      }
      const { nextBefore, isLoading } = this.thread;
      if (box.scrollTop < NEAR_TOP_PX && nextBefore !== null && !isLoading) {
        this.keep(this.chosen, { ...this.thread, isLoading: true });
        this.ask("open", { bot: this.chosen, seq: nextBefore });
      }
    },
    /** Put older messages before what is seen, without moving it. `put` changes the thread. */
    keepPlace(put) {
      const box = this.$refs.scroll;
      const fromEnd = box ? box.scrollHeight - box.scrollTop : 0;
      put();
      this.$nextTick(() => {
        const scroll = this.$refs.scroll;
        if (!scroll) return;
        if (this.isAtEnd) this.scrollToEnd();
        else scroll.scrollTop = scroll.scrollHeight - fromEnd;
        this.lastTop = scroll.scrollTop;
        this.scrolled(); // a page that does not fill a tall screen needs the next one at once
      });
    },
    /** Go along when the reader is at the end, and else say that there is something new. */
    showNews() {
      if (this.isAtEnd) this.scrollSoon();
      else if (!answering(this.thread)) this.hasNews = true;
    },
    scrollSoon() {
      this.isAtEnd = true;
      this.$nextTick(this.scrollToEnd);
    },
    scrollToEnd() {
      const box = this.$refs.scroll;
      if (!box) return;
      box.scrollTop = box.scrollHeight;
      this.lastTop = box.scrollTop;
      this.isAtEnd = true;
      this.hasNews = false;
      this.markSoon();
    },
  },
};
