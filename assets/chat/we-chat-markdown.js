// A message's HTML made handy. It comes sanitised from the server (chat_api/messages/rendering.py).
import { copyText } from "we-chat-memory";
import { t } from "we-language";

const COPIED_MS = 1500;

/** Give code blocks a copy button and wide tables a box to scroll in. Done once for each piece of new HTML. */
export function furnish(body) {
  for (const block of body?.querySelectorAll("pre:not([data-furnished]), table:not([data-furnished])") ?? []) {
    block.dataset.furnished = "";
    const box = Object.assign(document.createElement("div"), { className: `chat-${block.localName}-box` });
    block.replaceWith(box);
    box.append(block);
    if (block.localName === "pre") box.prepend(codeHead(block));
    block.tabIndex = 0; // what scrolls must be reachable by keyboard
  }
}

function codeHead(block) {
  const language = /language-(\S+)/.exec(block.firstElementChild?.className ?? "")?.[1] ?? "";
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "chat-copy",
    textContent: t("Copy"),
  });
  button.setAttribute("aria-label", t("Copy code"));
  button.addEventListener("click", async () => {
    button.textContent = (await copyText(block.textContent)) ? t("Copied") : t("Not copied");
    setTimeout(() => (button.textContent = t("Copy")), COPIED_MS);
  });
  const head = Object.assign(document.createElement("div"), { className: "chat-code-head" });
  head.append(Object.assign(document.createElement("span"), { textContent: language }), button);
  return head;
}
