// The keyboard on every page: to the search box, from picture to picture, from page to page; `?` tells the keys.

const cards = () => [...document.querySelectorAll(".grid .picture")];

// The picture that many places after the one with the focus; the first where none has it.
function along(by) {
  const all = cards();
  const at = all.indexOf(document.activeElement);
  return all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
}

// The picture in the next row, or the one before, that stands nearest to the one with the focus.
function across(by) {
  const all = cards();
  if (!all.includes(document.activeElement)) return all[0];
  const here = document.activeElement.getBoundingClientRect();
  const distance = (box) => [by * (box.top - here.top), Math.abs(box.left + box.width / 2 - here.left - here.width / 2)];
  const others = all.map((card) => [card, ...distance(card.getBoundingClientRect())]).filter(([, rows]) => rows > 1);
  others.sort(([, rows, aside], [, otherRows, otherAside]) => rows - otherRows || aside - otherAside);
  return others[0]?.[0];
}

const focus = (card) => card?.focus();
const follow = (rel) => document.querySelector(`main a[rel=${rel}][href]`)?.click();

const KEYS = {
  "/": () => document.querySelector("input[type=search]").select(),
  "?": () => document.querySelector("dialog.keys").showModal(),
  j: () => focus(along(1)),
  k: () => focus(along(-1)),
  n: () => follow("next"),
  p: () => follow("prev"),
};
const ON_A_CARD = {
  ArrowRight: () => focus(along(1)),
  ArrowLeft: () => focus(along(-1)),
  ArrowDown: () => focus(across(1)),
  ArrowUp: () => focus(across(-1)),
};

// On a phone the names of the pages are one line: the one that is shown is scrolled to.
const pages = document.querySelector("nav.main ul");
const shown = pages.querySelector("[aria-current]");
if (shown) pages.scrollLeft = shown.offsetLeft - pages.offsetLeft - (pages.clientWidth - shown.offsetWidth) / 2;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key] ?? (event.target.matches(".grid .picture") ? ON_A_CARD[event.key] : undefined);
  if (!act) return;
  event.preventDefault();
  act();
});
