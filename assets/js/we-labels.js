// The words, colours and icons that the server uses, too: `console/labels.py` puts them into the page's head.
export const LABELS = JSON.parse(document.getElementById("we-labels").textContent);
