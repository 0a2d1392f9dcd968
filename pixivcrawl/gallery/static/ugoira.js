// Plays an ugoira from its kept zip at its own delays: each frame is a range of the zip's bytes.
//
// `ugoira.html` has the figure: the first frame as a picture, which is all there is without script, a canvas, its controls, and what is said
// when the zip does not play; all but the picture are hidden until this module is there.

const AHEAD = 2; // so many frames are decoded before they are due: one takes some 10 ms
const TOO_LATE = 250; // ms: after a sleep of the tab the film goes on from here, and does not hurry after the clock
const LARGEST_FRAME = 64 << 20; // bytes, as in the archive's own proof of zips
const END_OF_DIRECTORY = 0x06054b50;
const ENTRY = 0x02014b50;
const LONGEST_END = 22 + 0xffff; // bytes: the end of the directory with the longest comment

// The zip by ranges of its bytes: from the server until the whole of it is here, so that the first frame need not wait for the others.
class Zip {
  constructor(address) {
    this.address = address;
    this.whole = null;
  }

  async keep() {
    this.whole = await (await fetched(this.address)).blob();
  }

  async blob(start, end) {
    return this.whole ? this.whole.slice(start, end) : (await this.part(`${start}-${end - 1}`)).blob();
  }

  async bytes(start, end) {
    return new DataView(await (await this.blob(start, end)).arrayBuffer());
  }

  // Not from the browser's own store, in which a part waits for the whole.
  part(range) {
    return fetched(this.address, { headers: { Range: `bytes=${range}` }, cache: "no-store" });
  }
}

async function fetched(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

// {name: the entry of the central directory} in the zip's order.
async function directory(zip) {
  const tail = new DataView(await (await zip.part(`-${LONGEST_END}`)).arrayBuffer());
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END_OF_DIRECTORY) end -= 1;
  if (end < 0) throw new Error("no central directory");
  const length = tail.getUint32(end + 12, true);
  const from = tail.getUint32(end + 16, true);
  const entries = new Map();
  const list = await zip.bytes(from, from + length);
  for (let at = 0; at + 46 <= list.byteLength && list.getUint32(at, true) === ENTRY; ) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => list.getUint16(at + offset, true));
    entries.set(new TextDecoder().decode(new Uint8Array(list.buffer, at + 46, name)), {
      method: list.getUint16(at + 10, true),
      packed: list.getUint32(at + 20, true),
      size: list.getUint32(at + 24, true),
      header: list.getUint32(at + 42, true),
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}

async function frame(zip, entry) {
  if (entry.size > LARGEST_FRAME) throw new Error("a frame is too large");
  const header = await zip.bytes(entry.header, entry.header + 30);
  const start = entry.header + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const body = await zip.blob(start, start + entry.packed);
  if (entry.method === 0) return createImageBitmap(body);
  if (entry.method !== 8) throw new Error("a frame is packed in an unknown way");
  const unpacked = body.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return createImageBitmap(await new Response(unpacked).blob());
}

class Player {
  constructor(figure, zip, entries, delays) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.zip = zip;
    this.entries = entries;
    this.delays = delays; // ms; null where they are not known
    this.decoded = new Map();
    this.at = 0;
    this.turn = 0; // of playing: a later one ends the one before
  }

  get playing() {
    return this.figure.dataset.playing === "true";
  }

  // The bitmap of a frame; those after it are begun.
  bitmap(number) {
    const wanted = new Set();
    for (let ahead = 0; ahead <= AHEAD; ahead += 1) wanted.add((number + ahead) % this.entries.length);
    for (const [known, bitmap] of this.decoded) {
      if (wanted.has(known)) continue;
      this.decoded.delete(known);
      bitmap.then((each) => each.close(), () => {});
    }
    for (const each of wanted) {
      if (this.decoded.has(each)) continue;
      const bitmap = frame(this.zip, this.entries[each]);
      bitmap.catch(() => {}); // said when the frame is due
      this.decoded.set(each, bitmap);
    }
    return this.decoded.get(number);
  }

  async show(number, due = 0) {
    const bitmap = await this.bitmap(number);
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    return () => {
      if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
        [this.canvas.width, this.canvas.height] = [bitmap.width, bitmap.height];
      }
      this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
      this.at = number;
      const place = this.figure.querySelector("output");
      if (place) place.value = `${number + 1} / ${this.entries.length}`;
    };
  }

  async play() {
    const turn = (this.turn += 1);
    this.figure.dataset.playing = "true";
    let due = performance.now();
    let number = this.at;
    for (;;) {
      const draw = await this.show(number, due);
      if (turn !== this.turn) return;
      draw();
      const now = performance.now();
      due = (now - due > TOO_LATE ? now : due) + this.delays[number];
      number = (number + 1) % this.entries.length;
    }
  }

  stop() {
    this.turn += 1;
    this.figure.dataset.playing = "false";
  }

  async step(by) {
    this.stop();
    const turn = this.turn;
    const draw = await this.show((this.at + by + this.entries.length) % this.entries.length);
    if (turn === this.turn) draw();
  }
}

async function open(figure) {
  const zip = new Zip(figure.dataset.zip);
  const timing = fetched(figure.dataset.frames).then((answer) => answer.json());
  const [entries, frames] = await Promise.all([directory(zip), timing]);
  const names = frames ? frames.map((each) => each.file) : [...entries.keys()];
  const found = names.map((name) => entries.get(name));
  if (!found.length || found.includes(undefined)) throw new Error("a frame is not in the zip");
  return new Player(figure, zip, found, frames && frames.map((each) => Math.max(1, each.delay)));
}

async function start(figure) {
  const failed = (error) => {
    figure.dataset.state = "failed";
    figure.querySelector("[data-says=failed]").hidden = false;
    console.info(`the ugoira does not play: ${error.message}`);
  };
  const safely = (doing) => doing.catch((error) => {
    player?.stop();
    failed(error);
  });
  let player;
  try {
    player = await open(figure);
    (await player.show(0))();
    player.zip.keep().catch(() => {}); // it goes on from the server, frame by frame
  } catch (error) {
    failed(error);
    return;
  }
  figure.dataset.state = "ready"; // the style shows the canvas in the picture's place
  const acts = {
    toggle: () => (player.playing ? player.stop() : player.delays && safely(player.play())),
    back: () => safely(player.step(-1)),
    forth: () => safely(player.step(1)),
  };
  for (const button of figure.querySelectorAll("button[data-act]")) {
    button.addEventListener("click", acts[button.dataset.act]);
    if (button.dataset.act === "toggle" && !player.delays) button.hidden = true;
  }
  figure.querySelector("[data-says=untimed]").hidden = Boolean(player.delays);
  const keys = { ",": "back", ".": "forth" };
  const here = { " ": "toggle", ArrowLeft: "back", ArrowRight: "forth" };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
    const act = keys[event.key] ?? (event.target === player.canvas ? here[event.key] : undefined);
    if (typing || !act) return;
    event.preventDefault();
    acts[act]();
  });
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) acts.toggle();
}

for (const figure of document.querySelectorAll("figure.ugoira")) start(figure);
