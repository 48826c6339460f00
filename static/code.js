// A Python script on the page: copied, downloaded (tabs/scripts.py).
window.page ??= {};

function download(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "text/x-python"}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Where a page may not use the clipboard (plain http on another machine, a frame), what is selected
// can still be copied.
function selected(code) {
  getSelection().selectAllChildren(code);
  return document.execCommand("copy");
}

const onClipboard = (text) =>
  navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  );

function listen(element) {
  let hush;
  element.addEventListener("click", async (event) => {
    const take = event.target.closest("[data-take]")?.dataset.take;
    if (!take) return;
    const script = event.target.closest(".script");
    const code = script.querySelector("code");
    const said = script.querySelector("[role=status]");
    if (take !== "text") return download(code.textContent, take);
    const copied = (await onClipboard(code.textContent)) || selected(code);
    said.textContent = ""; // so that a second time is heard as well
    setTimeout(() => (said.textContent = copied ? said.dataset.copied : said.dataset.selected), 50);
    clearTimeout(hush);
    hush = setTimeout(() => (said.textContent = ""), 6000);
  });
}

page.code = {listen};
