// What the server tells: a part of the page's component. Events come to all pages of a person alike, see
// console/pages/chat/feed.py; the rest answers what this page asked for, see console/pages/chat/thread.py.
import { changed, emptyThread, merged } from "we-chat-store";
import { continued, heard } from "we-chat-thread-events";
import { Place } from "we-chat-thread-place";

export const news = {
  created() {
    this.place = new Place(JSON.parse(this.start).position, (after) => this.isConnected && this.ask("missed", after));
  },
  unmounted() {
    this.place.stop();
  },
  methods: {
    hear(events) {
      for (const event of events) {
        if (event.kind === "position") this.place.compare(event);
        else if (event.kind === "resync") this.resync(event);
        else if (event.kind === "delta") this.grow(event);
        else for (const next of this.place.take(event)) this.tell(next);
      }
      this.askAgain();
    },
    tell(event) {
      const { bot: name, kind, lines = [] } = event;
      this.happened(event);
      if (kind === "read") return this.hearMark(event);
      this.keep(name, heard(this.threadOf(name), event));
      this.noteLatest(event);
      for (const line of lines) {
        this.settle(line.client_id);
        if (kind === "answer") this.announce(name, line);
      }
      if (name !== this.chosen) return;
      if (["message", "answer", "failed", "retried"].includes(kind)) this.showNews();
      else if (this.isAtEnd) this.scrollSoon();
    },
    grow(event) {
      this.keep(event.bot, heard(this.threadOf(event.bot), event));
      if (event.bot === this.chosen && this.isAtEnd) this.scrollSoon();
    },
    noteLatest({ bot: name, kind, id, lines = [], question, changes }) {
      for (const line of lines) {
        const last = this.latest[name];
        if (!last || last.seq === null || line.seq >= last.seq) this.latest[name] = line;
      }
      if (kind === "deleted") this.countDeleted(name, id);
      const last = this.latest[name];
      if (last && last.id === (question?.id ?? id)) this.latest[name] = { ...last, ...(question ?? changes) };
    },
    announce(name, line) {
      this.announcement = `${this.roster[name]?.title ?? name}: ${line.excerpt}`;
      this.countAnswer(name, line.seq);
    },
    /** Events were missed that nobody can tell any more: forget what was said and ask again for what is seen. */
    resync(position) {
      this.place.moveTo(position);
      this.returnTo(this.whereabouts());
      for (const [name, thread] of Object.entries(this.threads)) {
        const own = thread.messages.filter((message) => message.seq === null && message.role === "user");
        this.keep(name, { ...emptyThread(), messages: own });
      }
      this.latest = {};
      this.ask("overview");
      if (this.bot) this.load(this.chosen);
    },

    // Called by the server

    showPage(name, messages, nextBefore) {
      const isFirstPage = !this.threadOf(name).isLoaded;
      this.answeredTo({ what: "open", bot: name });
      const put = () => this.keep(name, continued(this.threadOf(name), messages, nextBefore));
      for (const message of messages) this.settle(message.client_id);
      if (name !== this.chosen) return put();
      if (this.isReturning(name)) {
        put();
        return this.goOnReturning(name);
      }
      if (isFirstPage) this.isAtEnd = true;
      this.keepPlace(put);
    },
    merge(name, messages) {
      this.keep(name, merged(this.threadOf(name), messages));
      for (const message of messages) this.settle(message.client_id);
      if (name === this.chosen) this.showNews();
    },
    /** Something that was asked for was not done; `current` is how a message stands that was to be changed. */
    refuse({ what, bot: name, client_id, message_id }, error, canRetry, current, againS) {
      this.answeredTo({ what, bot: name, message_id });
      const isMeant = ({ id }) => id === message_id;
      if (what === "open") {
        if (this.isReturning(name)) this.returning = null;
        this.keep(name, { ...this.threadOf(name), isLoading: false, error });
      } else if (what === "send") this.refuseSend(name, client_id, error, canRetry, againS);
      else if (what === "retry") this.refuseRetry(name, message_id, error);
      else if (what === "edit") {
        this.keep(name, changed(this.threadOf(name), isMeant, { ...current, refusal: { error } }));
      } else if (what === "read") this.unmark(name);
      else if (what === "stop") this.refuseStop(error);
      else if (["delete", "react", "unreact"].includes(what)) this.notice = error;
    },
  },
};
