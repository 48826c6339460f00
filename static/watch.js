// The shown run while it goes on (tabs/fine_tune/watching.py): its status, charts and dots are asked
// for each second and filled in here, for a tick of Gradio's timer costs the server ten times as much.
// Gradio's own look follows where the run's state changes, at an evaluation of one's own run, and
// where an answer that came late drew something else than is shown.
window.page ??= {};

const LOOK_AGAIN_MS = 5000; // a look that came to nothing is asked for again
const HIDDEN_MS = 15000; // between two questions of a page that nobody sees
const LONGEST_MS = 10000; // an answer that takes longer is asked for anew
const SETTLED_MS = 300; // after which the fields hold all of an answer
const SPREAD = 30; // looks a second of all who watch somebody else's run, at its end

const fills = {}; // {part: {element, props}}
let look = () => {};
let watched = null; // {run, mark, mine, behind}, as RunPanel tells it
let last = ""; // what it told last, of a run that has ended, too
let timer = 0;

// A block that is filled from here. props: Gradio's, of a gr.HTML.
function fill(part, element, props) {
  fills[part] = {element, props};
}

// The status, whose `trigger` asks Gradio for a look.
function begin(element, trigger, props) {
  fill("status", element, props);
  look = () => trigger("submit");
}

// What a hidden text holds.
const textOf = (id) => document.querySelector(`#${id} textarea, #${id} input`)?.value;

// told: JSON of the run that was drawn, with a mark while it goes on; "" for none.
function follow(told) {
  const before = watched;
  const drawn = told ? JSON.parse(told) : {run: ""};
  last = told;
  watched = drawn.mark ? drawn : null;
  clearTimeout(timer);
  // Two answers of Gradio's can pass each other
  setTimeout(() => {
    if (last === told && (textOf("run-id") ?? drawn.run) !== drawn.run) look();
  }, SETTLED_MS);
  if (!watched) return;
  const same = before?.run === watched.run;
  Object.assign(watched, {etag: "", seen: same ? before.seen : -1, asked: 0, now: watched.mark});
  timer = setTimeout(ask, same ? 1000 : 200);
}

async function ask() {
  const one = watched;
  if (!one) return;
  let again = 2;
  try {
    const log = fills.log?.element.offsetParent ? "1" : "";
    const {language} = page.data("fine-tune");
    const asks = new URLSearchParams({lang: language, behind: one.behind, seen: one.seen, log});
    const headers = one.etag && one.log === log ? {"If-None-Match": one.etag} : {};
    const where = `gradio_api/runs/${one.run}/watched?${asks}`;
    const signal = AbortSignal.timeout(LONGEST_MS);
    const answer = await fetch(where, {headers, signal, cache: "no-store"});
    const told = answer.status === 200 ? await answer.json() : null;
    if (one !== watched) return; // it was stopped, or another run is shown
    again = Number(answer.headers.get("X-Again")) || again;
    one.log = log;
    one.etag = answer.headers.get("ETag") ?? one.etag;
    if (told) show(one, told);
    lookAt(one, Number(answer.headers.get("X-Watchers")));
  } catch {
    // the server is away: it is asked again
  }
  if (one !== watched) return;
  clearTimeout(timer);
  timer = setTimeout(ask, document.hidden ? HIDDEN_MS : 1000 * again);
}

function show(one, {mark, evaluations, parts}) {
  for (const [part, drawn] of Object.entries(parts)) {
    const props = fills[part]?.props;
    if (props && props.value !== drawn) props.value = drawn;
  }
  // One's own dot comes with Gradio's look
  if ("dots" in parts && !one.mine) page.theatre.show(parts.dots, "");
  one.seen = evaluations;
  one.now = mark;
  page.fineTune.tell();
}

// Ask Gradio for a look where there is something new for it.
function lookAt(one, watchers) {
  const state = (mark) => mark.split(" ")[0];
  const isNew = one.mine ? one.now !== one.mark : state(one.now) !== state(one.mark);
  if (!isNew || Date.now() - one.asked < LOOK_AGAIN_MS) return;
  const wait = one.mine ? 0 : (1000 * Math.random() * watchers) / SPREAD;
  one.asked = Date.now() + wait;
  setTimeout(() => one === watched && look(), wait);
}

// A change that Gradio's event didn't tell (seen once, on busy cores)
setInterval(() => {
  const told = textOf("run-watched") ?? last;
  if (told !== last) follow(told);
}, 5000);

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (watched && !document.hidden) ask();
});

page.watch = {begin, fill, follow};
