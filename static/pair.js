// The page has one pair of sentences, which each tab shows. What was made of another than the one
// that is typed now ([data-pair], JSON of its two sentences) is dimmed, and says so.
window.page ??= {};

// ---------------------------------------------------------------- pure part

// Whether an answer to the pair `made` (JSON) is out of date, now that [sentence1, sentence2] stand
// there. A model of one sentence was asked for [sentence1, null].
function isStale(made, now) {
  if (!made) return false;
  const [one, two] = JSON.parse(made);
  return one !== now[0] || (two !== null && two !== now[1]);
}

// ---------------------------------------------------------------- the page

// The fields of the open tab, else of the first that has some.
function fieldsNow() {
  const pairs = [...document.querySelectorAll(".page-pair")];
  return pairs.find((each) => each.offsetParent) ?? pairs[0];
}

// The pair as it is typed.
function pairNow() {
  const fields = fieldsNow()?.querySelectorAll("textarea") ?? [];
  return fields.length === 2 ? [...fields].map((field) => field.value) : null;
}

function dim() {
  const now = pairNow();
  if (!now) return;
  const words = document.querySelector(".page-head")?.dataset.stale ?? "";
  for (const made of document.querySelectorAll("[data-pair]")) {
    const stale = isStale(made.dataset.pair, now);
    if (made.classList.contains("stale") === stale) continue;
    made.classList.toggle("stale", stale);
    if (stale) made.dataset.staleWords = words;
  }
}

// What the fields of `tab` hold now, for `count` fields of the other tabs. Only those of one tab
// are copied: where all are filled at once, two tabs that copied each other's half-filled pairs
// would never come to rest, and a copy that came back would undo a newer key.
function copy(tab, pair, count) {
  const isSource = Boolean(fieldsNow()?.closest(`#tab-${tab}`));
  return Array.from({length: count}, (_, place) => isSource ? pair[place % 2] : {__type__: "update"});
}

document.addEventListener("input", (event) => {
  if (event.target.closest?.(".page-pair")) dim();
});
page.onChange(dim);

page.pair = {copy, isStale, now: pairNow};
