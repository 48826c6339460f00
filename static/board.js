// A class's board (views/board.py): asked for every few seconds while it is in sight, drawn where
// something has changed. What somebody looks at stays in hand: the line, the two settings, the focus.
window.page ??= {};

const EVERY = 3000; // milliseconds, of a class of up to FEW pupils
const FEW = 30;
const MOST_EVERY = 10_000;

// ---------------------------------------------------------------- pure part

// How often a page asks, by how many pupils there are: three hundred ask as often as a hundred.
const interval = (pupils) => Math.min(EVERY * Math.max(1, pupils / FEW), MOST_EVERY);

// The address of the board with two settings chosen, "" for none.
function addressOf(base, language, {x, y}) {
  const asks = new URLSearchParams({lang: language});
  if (x) asks.set("x", x);
  if (y) asks.set("y", y);
  return `${base}?${asks}`;
}

// ---------------------------------------------------------------- one board

// place: the element that holds the board. base: its address, or a function that gives it, "" for
// none at the moment. words: {lost: what is said when no answer comes}.
function follow(place, base, language, words) {
  let asked = ""; // the id of the run whose line is held
  let tag = "";
  let tagOf = "";
  let timer;
  const axes = {x: "", y: ""};

  function mark() {
    for (const each of place.querySelectorAll("[data-run]")) {
      each.classList.toggle("asked", each.dataset.run === asked);
    }
    const line = asked && place.querySelector(`.board-line[data-run="${asked}"]`);
    const said = place.querySelector(".board-said");
    if (said) {
      said.dataset.none ??= said.textContent;
      said.textContent = line ? line.getAttribute("aria-label") : said.dataset.none;
    }
  }

  function draw(html) {
    const held = document.activeElement;
    const focus = place.contains(held) && (held.dataset.run ?? held.dataset.axis);
    const scrolled = [...place.querySelectorAll(".frame")].map((each) => each.scrollLeft);
    place.innerHTML = html;
    place.querySelectorAll(".frame").forEach((each, at) => {
      each.scrollLeft = scrolled[at] ?? 0;
    });
    if (focus) {
      place.querySelector(`[tabindex][data-run="${focus}"], [data-axis="${focus}"]`)
        ?.focus({preventScroll: true});
    }
    mark();
  }

  function tellLost(isLost) {
    let note = place.querySelector(".board-lost");
    if (isLost && !note) {
      note = document.createElement("p");
      note.className = "notice warning board-lost";
      note.setAttribute("role", "status");
      note.textContent = words.lost;
      place.prepend(note);
    } else if (!isLost) note?.remove();
  }

  async function ask() {
    const where = typeof base === "function" ? base() : base;
    if (!where || document.hidden || !place.checkVisibility()) return EVERY;
    const address = addressOf(where, language, axes);
    try {
      const headers = tag && tagOf === address ? {"If-None-Match": tag} : {};
      const answer = await fetch(address, {cache: "no-store", headers});
      if (answer.status === 200) {
        draw(await answer.text());
        tag = answer.headers.get("etag") ?? "";
        tagOf = address;
      } else if (answer.status === 404) {
        place.textContent = await answer.text();
        tag = "";
      }
      tellLost(answer.status >= 500);
      return interval(Number(answer.headers.get("x-pupils")) || 1);
    } catch {
      tellLost(true);
      return EVERY;
    }
  }

  async function look() {
    clearTimeout(timer);
    timer = setTimeout(look, await ask());
  }

  const hold = (event) => {
    const line = event.target.closest?.("[data-run]");
    if (!line || !place.contains(line)) return;
    asked = line.dataset.run;
    mark();
  };
  place.addEventListener("pointerover", hold);
  place.addEventListener("focusin", hold);
  place.addEventListener("change", (event) => {
    const axis = event.target.dataset?.axis;
    if (!axis) return;
    axes[axis] = event.target.value;
    if (axis === "x" && axes.y === axes.x) axes.y = "";
    look();
  });
  document.addEventListener("visibilitychange", () => document.hidden || look());
  look();
}

// A teacher's button: the answer of the server, asked with the key.
async function press(what, key) {
  const method = what === "test" ? "POST" : "GET";
  const headers = {Authorization: `Bearer ${key}`};
  return fetch(page.classRoom.address(what), {method, headers, cache: "no-store"});
}

async function save(answer, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function listenToTools(tools, language, lost) {
  const said = tools.querySelector("[data-said]");
  page.onChange(() => {
    tools.querySelector("[data-for=teacher]").hidden = !page.classRoom.teacherKey();
    const wall = tools.querySelector("[data-board=projector]");
    wall.href = `${page.classRoom.address("projector")}?lang=${language}`;
  });
  tools.querySelector("details").addEventListener("toggle", () => {
    tools.querySelector("img").src = page.classRoom.address("qr.svg");
  });
  tools.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-board]");
    if (!button) return;
    button.disabled = true;
    try {
      const answer = await press(button.dataset.board, page.classRoom.teacherKey());
      const isFile = answer.ok && button.dataset.board === "results.csv";
      if (isFile) await save(answer, "class.csv");
      said.textContent = isFile ? "" : await answer.text();
    } catch {
      said.textContent = lost;
    }
    button.disabled = false;
  });
}

// The board of the Class tab. element: its place, once it is there.
function listen(element) {
  const place = element.querySelector(".class-board");
  if (!place) return;
  const {lost, language} = place.dataset;
  listenToTools(element.querySelector(".board-tools"), language, lost);
  follow(place, () => page.classRoom.address("board"), language, {lost});
}

page.board = {addressOf, follow, interval, listen};
