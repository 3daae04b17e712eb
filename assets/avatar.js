// A bot's picture, as an element of a page.
export { Avatar as default } from "we-avatar";
