// The question before something is done to a bot, as an element of a page.
export { ConfirmAction as default } from "we-bot-actions";
