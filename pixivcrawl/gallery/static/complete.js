// Completes the last word in the search box to names of tags and artists: a list under the box, for the arrows and Enter, or a click.

const PAUSE = 120; // milliseconds without a key after which is asked

const box = document.querySelector("input[type=search]");
const list = document.createElement("ul");
list.id = "completions";
list.role = "listbox";
list.ariaLabel = box.dataset.completions;
list.hidden = true;
box.after(list);
for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) {
  box.setAttribute(name, value);
}

let waiting;
let texts = [];
let at = -1; // the option that is chosen by Enter; none before an arrow was pressed

function close() {
  clearTimeout(waiting);
  list.hidden = true;
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
}

function show(words) {
  list.replaceChildren(...words.map((word, number) => {
    const option = document.createElement("li");
    option.role = "option";
    option.id = `completion-${number}`;
    const name = document.createElement("bdi");
    name.textContent = word;
    option.append(name);
    return option;
  }));
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  move(-1);
}

function move(to) {
  at = to;
  for (const [number, option] of [...list.children].entries()) option.ariaSelected = String(number === at);
  list.children[at]?.scrollIntoView({ block: "nearest" });
  if (at < 0) box.removeAttribute("aria-activedescendant");
  else box.setAttribute("aria-activedescendant", list.children[at].id);
}

function choose(number) {
  box.value = `${texts[number]} `;
  close();
  box.focus();
}

async function ask() {
  const typed = box.value;
  const answer = await fetch(`/complete?q=${encodeURIComponent(typed)}`);
  // A later key, or the gallery at its end: what was typed stands without a list.
  if (!answer.ok || box.value !== typed || document.activeElement !== box) return;
  const [, completed, words] = await answer.json();
  texts = completed;
  if (texts.length) show(words);
  else close();
}

box.addEventListener("input", () => {
  close();
  const isAtEnd = box.selectionStart === box.value.length;
  if (isAtEnd && /\S$/.test(box.value)) waiting = setTimeout(() => ask().catch(close), PAUSE);
});

box.addEventListener("keydown", (event) => {
  if (list.hidden || event.isComposing) return;
  const count = list.children.length + 1; // the box itself is one place
  const act = {
    ArrowDown: () => move(((at + 2) % count) - 1),
    ArrowUp: () => move(((at + count) % count) - 1),
    Enter: () => choose(at),
    Escape: close,
  }[event.key];
  if (!act || (event.key === "Enter" && at < 0)) return;
  event.preventDefault();
  act();
});

box.addEventListener("blur", close);
// Before the box loses the focus, and with it the list.
list.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const number = [...list.children].indexOf(event.target.closest("li"));
  if (number >= 0) choose(number);
});
