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

// Copy the link or the frame (`what`) of what is on the screen; returns [link, frame]. values:
// those of the tab's fields, then the task, the names of hidden and of locked fields, and whether
// the run that is shown belongs to it.
function copy(what, tab, values) {
  const fields = page.data("address").fields[tab];
  const here = new URL(location).searchParams;
  const asks = page.address.query(tab, fields, values, here);
  const [task, hidden, locked, withRun] = values.slice(fields.names.length);
  if (withRun === false) asks.delete("run");
  const open = [...document.querySelectorAll(`#tab-${tab} [id^=open-] > button.label-wrap.open`)]
    .map((fold) => fold.parentElement.id.slice("open-".length));
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

page.share = {copy, links};
