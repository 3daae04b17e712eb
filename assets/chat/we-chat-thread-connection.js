// The page's connection: a part of its component. NiceGUI's script loads the page anew when the server does not know it
// any more; here that waits until the server can be reached, for a browser's error page would keep nothing of this one.

import { iconSheet } from "we-icon";
import { t } from "we-language";
import { socketed } from "we-socket";

const REACH_MS = 2_000;

export const connection = {
  mixins: [socketed],
  mounted() {
    addEventListener("we-blocked", this.blocked);
  },
  unmounted() {
    removeEventListener("we-blocked", this.blocked);
    clearTimeout(this.reaching);
  },
  methods: {
    heard() {
      return { chat: this.hear, chat_bots: this.updateBots };
    },
    listening() {
      window.socket.off("connect_error");
      window.socket.on("connect_error", this.refused);
      this.begin();
    },
    connected() {
      const isBack = !this.isConnected;
      this.isConnected = true;
      this.place.stop(); // the server says next how far it is, and what is missing is asked for at once
      if (!isBack) return;
      this.pumpAll();
      this.askAgainSoon();
    },
    /** What was asked for waits for the connection: until then it is said, instead of a thread that loads for ever. */
    blocked() {
      if (!this.bot || this.thread.isLoaded) return;
      const error = t("Your messages appear once this page has a live connection.");
      this.keep(this.chosen, { ...this.thread, isLoading: false, error });
    },
    /** Socket.IO goes on trying by itself, unless the server has refused this page. */
    refused(error) {
      this.isConnected = false;
      if (error.message === "Implicit handshake failed") this.loadAnew();
    },
    async loadAnew() {
      clearTimeout(this.reaching);
      const answer = await fetch(iconSheet(), { method: "HEAD", cache: "no-store" }).catch(() => null);
      if (answer && answer.status < 500) location.reload();
      else this.reaching = setTimeout(this.loadAnew, REACH_MS);
    },
  },
};
