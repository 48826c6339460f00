// The Fine-tune tab: the run in the address, what a screen reader hears of it, and what the browser
// remembers of its runs (tabs/fine_tune/, which says to "fine-tune": {separator: between sentences}).
window.page ??= {};

const STORE = "fine-tunes-of-all-tabs";
const MOST_REMEMBERED = 20;

// The address carries the run: a page that is loaded anew, a second device or a friend sees the same.
function showRun(id) {
  if (!id) return;
  const url = new URL(location);
  if (url.searchParams.get("run") !== id) url.searchParams.delete("step"); // of another run
  url.searchParams.set("run", id);
  page.address.show(url);
}

// Stop was pressed: who left somebody else's run (no id any more) is no longer shown it on a reload.
function leave(id, owned) {
  const url = new URL(location);
  if (!id && url.searchParams.has("run")) {
    for (const name of ["run", "step"]) url.searchParams.delete(name);
    page.address.show(url);
  }
  return remember(owned);
}

// The status is drawn anew each second, and a screen reader should hear of a new state alone: it is
// told once, elsewhere.
function announce(element, watch) {
  const heard = document.createElement("p");
  heard.className = "unseen";
  heard.id = "run-state";
  heard.setAttribute("role", "status");
  document.querySelector(".gradio-container").appendChild(heard);
  const tell = () =>
    setTimeout(() => {
      const status = element.querySelector(".status");
      const state = status?.querySelector("strong")?.textContent;
      if (!state || heard.dataset.state === state) return;
      const messages = [...status.querySelectorAll("p + p")].map((part) => part.textContent);
      const {separator} = page.data("fine-tune");
      if (heard.dataset.state) heard.textContent = [state, ...messages].join(separator);
      heard.dataset.state = state;
    });
  watch("value", tell);
  page.fineTune.tell = tell;
  tell();
  leadToTheEnd(element);
}

// Whether what is said of an ended run is further down: on a phone its state then stays at the
// window's foot (static/fine_tune.css), and a tap on it leads there.
function leadToTheEnd(element) {
  const status = element.closest("#run-status");
  const words = document.querySelector("#run-words");
  const look = () => {
    const {top, height} = words.getBoundingClientRect();
    status.classList.toggle("further-down", height > 0 && top > innerHeight);
  };
  addEventListener("scroll", look, {passive: true});
  page.onChange(look);
  element.addEventListener("click", () => {
    if (!status.classList.contains("further-down")) return;
    status.classList.remove("further-down");
    status.scrollIntoView({block: "start", behavior: page.scrolling()});
  });
}

// {id: secret, ..., browser: its name} of all tabs and of this one: a browser has one name, and older
// runs have expired anyway.
function merged(all, mine) {
  const name = all.browser ?? mine?.browser;
  const runs = Object.entries({...all, ...mine}).filter(([id]) => id !== "browser");
  const kept = runs.slice(-MOST_REMEMBERED);
  return Object.fromEntries(name ? [["browser", name], ...kept] : kept);
}

// Each tab of a browser has what the browser remembers in a copy of its own, and writes the whole of
// it: what others have started is put to it, else the last to start would make them forget their
// secrets. Without a copy, as a page begins: what the browser remembers.
function remember(mine) {
  let all = {};
  try {
    all = JSON.parse(localStorage.getItem(STORE)) || {};
  } catch {
    // no storage, or somebody else wrote there
  }
  all = merged(all, mine);
  try {
    localStorage.setItem(STORE, JSON.stringify(all));
  } catch {
    // no storage
  }
  return all;
}

// The run that is shown, or that the address is about to show.
const shown = (id) => id || new URL(location).searchParams.get("run") || "";

const idsOf = (owned) => Object.keys(owned ?? {}).join();

page.fineTune = {announce, idsOf, leave, merged, remember, showRun, shown};
