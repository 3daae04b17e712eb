// Where a page stands in its person's stream. Every event of it has the number after that of the one before, so a page
// sees what it misses, and asks for that.

const ASK_AGAIN_MS = 3_000;
const EARLY_CAP = 300;

export class Place {
  /** `ask` is called with the place after which something is missing. */
  constructor({ epoch, seq }, ask) {
    this.epoch = epoch;
    this.seq = seq;
    this.early = new Map();
    this.ask = ask;
  }

  /** The events that come next, in order: none when one is missing before, several when it is the missing one. */
  take(event) {
    const hasRoom = this.early.size < EARLY_CAP || event.seq === this.seq + 1;
    if (event.seq > this.seq && hasRoom) this.early.set(event.seq, event);
    const next = [];
    for (let one; (one = this.early.get(this.seq + 1));) {
      this.seq += 1;
      this.early.delete(this.seq);
      next.push(one);
    }
    this.#askIf(this.early.size > 0);
    return next;
  }

  /** Whether something that happened is not known yet. */
  get isBehind() {
    return Boolean(this.timer);
  }

  /** The server says how far it has told its pages. */
  compare({ epoch, seq }) {
    this.#askIf(epoch !== this.epoch || seq > this.seq);
  }

  /** Go on from another place: what was missed cannot be told any more. */
  moveTo({ epoch, seq }) {
    this.epoch = epoch;
    this.seq = seq;
    this.early.clear();
    this.stop();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  #askIf(isBehind) {
    if (!isBehind) this.stop();
    else if (!this.timer) {
      this.ask({ epoch: this.epoch, seq: this.seq });
      this.timer = setTimeout(() => {
        this.timer = null;
        this.#askIf(true);
      }, ASK_AGAIN_MS);
    }
  }
}
