// Pages that show the fleet: a line of JSON in is a message for one of them, a line out is what it shows then.
import { createInterface } from "node:readline";
import { fleetFeed } from "we-fleet-feed";
import { assembled } from "./assembled.js";

const pages = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { page: name, ...message } = JSON.parse(line);
  if (!pages.has(name)) pages.set(name, assembled(fleetFeed, { interval: 5 }));
  const page = pages.get(name);
  page.receive({ seq: page.seq + 1, now: 0, ...message });
  const bots = page.order.map((one) => page.bots[one]);
  process.stdout.write(`${JSON.stringify({ system: page.system, services: page.services, bots })}\n`);
}
