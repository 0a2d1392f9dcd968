// Turns the pages of a work without a new load: the pages before and after those that are seen are there before the turn.
//
// The server knows which pages are seen together and where the links lead; this module asks it for the neighbours, and keeps their
// pictures decoded. Without it the links turn the pages.

const reader = document.querySelector(".reader");
const prepared = new Map(); // {address: what the reader holds there, as a promise}

const link = (rel) => reader.querySelector(`a[rel=${rel}][href]`);

// What the reader holds at an address, its pictures decoded; in the place of a damaged one stand the words for it.
function prepare(address) {
  if (!prepared.has(address)) prepared.set(address, load(address));
  return prepared.get(address);
}

async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const there = document.importNode(page.querySelector(".reader"), true);
  await Promise.all([...there.querySelectorAll(".spread img")].map((image) => image.decode().catch(() => damaged(image))));
  return { title: page.title, parts: [...there.childNodes] };
}

function damaged(image) {
  const words = document.createElement("p");
  words.className = "absent";
  words.textContent = `${image.alt}: ${reader.dataset.damaged}`;
  image.replaceWith(words);
}

async function prepareNeighbours() {
  const near = ["next", "prev"].map(link).filter(Boolean).map((each) => each.href);
  for (const address of prepared.keys()) if (!near.includes(address)) prepared.delete(address);
  for (const address of near) prepare(address).catch(() => prepared.delete(address));
}

let turn = 0;

async function show(address) {
  const mine = (turn += 1);
  let there;
  try {
    there = await prepare(address);
  } catch {
    location.href = address; // the server says what is amiss
    return;
  }
  if (mine !== turn) return;
  const left = { title: document.title, parts: [...reader.childNodes] };
  prepared.set(location.href, Promise.resolve(left));
  const focused = document.activeElement?.closest(".reader a[rel]")?.rel;
  reader.replaceChildren(...there.parts);
  document.title = there.title;
  history.replaceState(null, "", address);
  if (focused) link(focused)?.focus();
  prepareNeighbours();
  remember();
}

// The shelf keeps at which page the reading stopped; a page that is only turned over is not told.
let waiting;
function remember() {
  clearTimeout(waiting);
  const page = new URL(location.href).searchParams.get("page");
  const mark = new URLSearchParams({ work: reader.dataset.work, field: "read_page", value: page });
  waiting = setTimeout(() => fetch("/shelf", { method: "POST", body: mark, redirect: "manual" }).catch(() => {}), 1000);
}

const isRightToLeft = () => reader.querySelector(".spread").dir === "rtl";

const KEYS = {
  ArrowRight: () => (isRightToLeft() ? "prev" : "next"),
  ArrowLeft: () => (isRightToLeft() ? "next" : "prev"),
  PageDown: () => "next",
  PageUp: () => "prev",
  " ": () => "next",
  Home: () => "first",
  End: () => "last",
};

// A strip is scrolled, and its links load the next one.
if (reader.dataset.view !== "strip") {
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target.closest("input, textarea, select, button, summary, dialog");
    if (elsewhere || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(event.key in KEYS)) return;
    event.preventDefault();
    const to = link(KEYS[event.key]());
    if (to) show(to.href);
  });
  reader.addEventListener("click", (event) => {
    const to = event.target.closest("a[rel=next][href], a[rel=prev][href]");
    if (!to || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(to.href);
  });
  for (const image of reader.querySelectorAll(".spread img")) image.decode().catch(() => damaged(image));
  prepareNeighbours();
}
