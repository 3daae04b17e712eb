// What time it is by the server's clock, which is the one that counts, in Unix seconds.

let behindS = null;

/** How far this clock is behind, by when the page was sent and when it came. */
function skewS() {
  const sentAt = Number(document.querySelector('meta[name="we-now"]')?.content);
  const [navigation] = performance.getEntriesByType("navigation");
  return sentAt && navigation ? sentAt - (performance.timeOrigin + navigation.responseStart) / 1000 : 0;
}

export function clock() {
  behindS ??= skewS();
  return Date.now() / 1000 + behindS;
}
