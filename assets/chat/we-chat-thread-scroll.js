// Where in a thread the reader is, and keeping it there: a part of the page's component. The place outlives the page, for
// after a while without a connection NiceGUI loads it anew: it is the message at the top of what is seen, and how far down.
import { answering, keyOf } from "we-chat-store";

const NEAR_TOP_PX = 300;
const NEAR_BOTTOM_PX = 60;
const AT_END_PX = 2;
const REMEMBER_MS = 200;

export const scroll = {
  data: () => ({ isAtEnd: true, hasNews: false, returning: null }),
  mounted() {
    this.sizes = new ResizeObserver(() => this.isAtEnd && this.scrollToEnd());
    addEventListener("pagehide", this.remember);
  },
  unmounted() {
    this.sizes.disconnect();
    removeEventListener("pagehide", this.remember);
    clearTimeout(this.remembering);
  },
  methods: {
    watchSize() {
      this.sizes.disconnect();
      if (this.$refs.scroll) this.sizes.observe(this.$refs.scroll);
    },
    scrolled() {
      const box = this.$refs.scroll;
      if (this.returning) return;
      const left = box.scrollHeight - box.scrollTop - box.clientHeight;
      // Whoever goes up while an answer grows is not pulled back, however small the step: until they come down again.
      const step = box.scrollTop - this.lastTop;
      this.lastTop = box.scrollTop;
      if (left <= AT_END_PX) this.isAtEnd = true;
      else if (step !== 0 || left >= NEAR_BOTTOM_PX) this.isAtEnd = left < NEAR_BOTTOM_PX && !(step < 0);
      if (this.isAtEnd) {
        this.hasNews = false;
        this.markSoon();
      }
      this.rememberSoon();
      const { nextBefore, isLoading } = this.thread;
      if (box.scrollTop < NEAR_TOP_PX && nextBefore !== null && !isLoading) {
        this.keep(this.chosen, { ...this.thread, isLoading: true });
        this.ask("open", { bot: this.chosen, seq: nextBefore });
      }
    },
    /** Where the reader is now: `seq` and `key` of the topmost message that is seen, and where it begins. */
    whereabouts() {
      if (this.returning) return this.returning;
      const place = { bot: this.chosen, isListShown: this.isListShown, isAtEnd: this.isAtEnd };
      const box = this.$refs.scroll;
      if (!box?.offsetParent || this.isAtEnd) return place;
      const top = box.getBoundingClientRect().top;
      const item = [...box.querySelectorAll(".chat-message")].find((one) => one.getBoundingClientRect().bottom > top);
      const message = item && this.thread.messages.find((one) => keyOf(one) === item.dataset.key);
      if (!message) return place;
      const last = this.thread.messages.findLast(({ seq }) => seq !== null)?.seq;
      return {
        ...place,
        key: item.dataset.key,
        seq: message.seq,
        last,
        hasNews: this.hasNews,
        offset: item.getBoundingClientRect().top - top,
      };
    },
    remember() {
      this.memory.keepPlace(this.whereabouts());
    },
    rememberSoon() {
      clearTimeout(this.remembering);
      this.remembering = setTimeout(this.remember, REMEMBER_MS);
    },
    /** Be where one was, as soon as that is loaded. */
    returnTo(place) {
      this.returning = place?.key && place.bot === this.chosen ? place : null;
      if (this.returning) this.isAtEnd = false;
    },
    isReturning(name) {
      return this.returning?.bot === name;
    },
    goOnReturning(name) {
      const { nextBefore } = this.thread;
      const { key, seq, offset, last, hasNews } = this.returning;
      if (nextBefore !== null && seq !== null && nextBefore > seq) {
        this.keep(name, { ...this.thread, isLoading: true });
        return this.ask("open", { bot: name, seq: nextBefore, is_returning: true });
      }
      this.$nextTick(() => {
        const box = this.$refs.scroll;
        this.returning = null;
        if (!box) return;
        const near = this.thread.messages.find((one) => keyOf(one) === key || (seq !== null && one.seq >= seq));
        const item = near && box.querySelector(`[data-key="${CSS.escape(keyOf(near))}"]`);
        if (!item) return this.scrollToEnd();
        box.scrollTop += item.getBoundingClientRect().top - box.getBoundingClientRect().top - offset;
        this.lastTop = box.scrollTop;
        this.hasNews = hasNews || this.thread.messages.some((one) => one.seq > last);
        this.scrolled();
      });
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
      if (this.returning) return;
      if (this.isAtEnd) this.scrollSoon();
      else if (!answering(this.thread)) this.hasNews = true;
    },
    scrollSoon() {
      if (this.returning) return;
      this.isAtEnd = true;
      this.$nextTick(this.scrollToEnd);
    },
    scrollToEnd() {
      const box = this.$refs.scroll;
      if (!box || this.returning) return;
      box.scrollTop = box.scrollHeight;
      this.lastTop = box.scrollTop;
      this.isAtEnd = true;
      this.hasNews = false;
      this.rememberSoon();
      this.markSoon();
    },
  },
};
