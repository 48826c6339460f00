// A tab's link, and the code to embed it (tabs/share.py, which says to "share":
// {space: the Space's name or "", languages: [...], title}).
window.page ??= {};

// The link and the iframe for a query: [link, frame].
function links(query, {space, languages, title}, {origin, pathname}) {
  const ending = new RegExp(`/(${languages.join("|")})/?$`);
  const own = origin + pathname.replace(ending, "/");
  const link = `${space ? `https://huggingface.co/spaces/${space}` : own}?${query}`;
  const source = `${own}?${query}`.replaceAll("&", "&amp;");
  const frame =
    `<iframe src="${source}" title="${title}" width="100%" height="900" style="border: 0" ` +
    `allow="clipboard-write"></iframe>`;
  return [link, frame];
}

// Own pairs stay with who brought them; the panel of `tab` says so.
function tellOfOwnPairs(tab, areOwn) {
  const told = document.querySelector(`#share-${tab} .share-own`);
  if (told) told.hidden = !areOwn;
}

// Copy the link or the frame (`what`) of what is on the screen; returns [link, frame]. values:
// those of the tab's fields, then the task, the names of hidden and of locked fields, and whether
// the run that is shown belongs to it.
function copy(what, tab, values) {
  const fields = page.data("address").fields[tab];
  const here = new URL(location).searchParams;
  const asks = page.address.query(tab, fields, values, here);
  const [task, hidden, locked, withRun] = values.slice(fields.names.length);
  if (withRun === false) asks.delete("run");
  tellOfOwnPairs(tab, asks.get("task_name") === "own");
  if (asks.get("task_name") === "own") asks.delete("task_name");
  const open = [...document.querySelectorAll(`#tab-${tab} [id^=open-] > button.label-wrap.open`)]
    .map((fold) => fold.parentElement.id)
    .filter((id) => !page.openAtFirst.has(id))
    .map((id) => id.slice("open-".length));
  if (open.length) asks.set("open", open.join(","));
  const said = {task: task?.trim(), hide: hidden?.join(","), lock: locked?.join(",")};
  for (const [name, value] of Object.entries(said)) {
    if (value) asks.set(name, value);
    else asks.delete(name);
  }
  const [link, frame] = links(asks, page.data("share"), location);
  navigator.clipboard?.writeText(what === "link" ? link : frame).catch(() => {});
  return [link, frame];
}

// The panel of the open tab, below the head's button that opened it. Escape closes it, and so does a
// click beside it.
let opener = null;

const openPanel = () => document.querySelector(".share-panel.shown");

function open(button) {
  const isOpen = openPanel();
  close();
  if (isOpen) return;
  const panel = [...document.querySelectorAll(".share-panel")].find((each) =>
    each.closest("[role=tabpanel]")?.offsetParent,
  );
  if (!panel) return;
  opener = button;
  const here = new URL(location).searchParams;
  tellOfOwnPairs(panel.id.slice("share-".length), here.get("task_name") === "own");
  panel.classList.add("shown");
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", panel.querySelector(".share-head strong").textContent);
  button.setAttribute("aria-expanded", "true");
  panel.querySelector("button:not([data-share])")?.focus({preventScroll: true});
}

function close() {
  const panel = openPanel();
  if (!panel) return;
  panel.classList.remove("shown");
  opener?.setAttribute("aria-expanded", "false");
  // A focus that scrolled would take the page from under a pressed pointer, whose click would be lost
  if (panel.contains(document.activeElement)) opener?.focus({preventScroll: true});
}

// element: the head of one panel.
function listen(element) {
  element.addEventListener("click", (event) => {
    if (event.target.closest("[data-share=close]")) close();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".share-panel, [data-head=share], [role=listbox]")) close();
});

page.share = {close, copy, links, listen, open};
