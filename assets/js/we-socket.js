// What a component hears on NiceGUI's socket, and whether there is a connection.

/** For a component whose `heard()` gives its handlers by event; `listening()` is called once they are in place. */
export const socketed = {
  data: () => ({ isConnected: true }),
  mounted() {
    this.wired = { connect: this.connected, disconnect: this.disconnected, ...this.heard() };
    // NiceGUI's root makes the socket after its children are mounted.
    this.$nextTick(() => {
      for (const [event, handler] of Object.entries(this.wired)) window.socket.on(event, handler);
      this.listening();
    });
  },
  unmounted() {
    for (const [event, handler] of Object.entries(this.wired)) window.socket?.off(event, handler);
  },
  methods: {
    listening() {},
    connected() {
      this.isConnected = true;
    },
    disconnected() {
      this.isConnected = false;
    },
  },
};
