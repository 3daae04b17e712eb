// The bar of a bot's health checks, as an element of a page.
export { Heartbeats as default } from "we-heartbeats";
