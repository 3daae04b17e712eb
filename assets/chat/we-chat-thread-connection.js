// The page's connection: a part of its component. NiceGUI's script loads the page anew when the server does not know it
// any more; here that waits until the server can be reached, for a browser's error page would keep nothing of this one.

const REACH_MS = 2_000;

export const connection = {
  data: () => ({ isConnected: true }),
  created() {
    this.sockets = { chat: this.hear, chat_bots: this.updateBots, connect: this.connected, disconnect: this.disconnected };
  },
  mounted() {
    // NiceGUI's root makes the socket after its children are mounted.
    this.$nextTick(() => {
      window.socket.off("connect_error");
      window.socket.on("connect_error", this.refused);
      for (const [name, handler] of Object.entries(this.sockets)) window.socket.on(name, handler);
      this.begin();
    });
  },
  unmounted() {
    for (const [name, handler] of Object.entries(this.sockets)) window.socket?.off(name, handler);
    clearTimeout(this.reaching);
  },
  methods: {
    connected() {
      const isBack = !this.isConnected;
      this.isConnected = true;
      this.place.stop(); // the server says next how far it is, and what is missing is asked for at once
      if (!isBack) return;
      this.pumpAll();
      this.askAgainSoon();
    },
    disconnected() {
      this.isConnected = false;
    },
    /** Socket.IO goes on trying by itself, unless the server has refused this page. */
    refused(error) {
      this.isConnected = false;
      if (error.message === "Implicit handshake failed") this.loadAnew();
    },
    async loadAnew() {
      clearTimeout(this.reaching);
      const answer = await fetch(this.icons, { method: "HEAD", cache: "no-store" }).catch(() => null);
      if (answer && answer.status < 500) location.reload();
      else this.reaching = setTimeout(this.loadAnew, REACH_MS);
    },
  },
};
