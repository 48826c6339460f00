// The page in another language.
window.page ??= {};

// Gradio 6.31: its own words (Settings, Drop file here) follow the browser's language, and so does
// the page's `lang`. Both are to be those of the page, which the server has written there.
const tag = document.documentElement.lang;
Object.defineProperty(navigator, "language", {get: () => tag, configurable: true});

let wanted;

// The other language's link keeps what the address says (the run, the tab, a teacher's task) and
// what stands in the fields. Those are known to the open tab's own button, which comes with the
// tab.
function listen(element) {
  element.addEventListener("click", (event) => {
    const link = event.target.closest("a[hreflang]");
    if (!link) return;
    event.preventDefault();
    wanted = link.hreflang;
    const tab = document.querySelector("[role=tab][aria-selected=true][aria-controls^=tab-]");
    const name = tab?.getAttribute("aria-controls").replace("tab-", "language-of-");
    const button = document.getElementById(name);
    if (button) {
      button.click();
      return;
    }
    const url = new URL(location);
    url.searchParams.set("lang", wanted);
    page.address.load(url);
  });
}

// The other language's page opens with what stands in the fields of `tab`, asked for or not.
function change(tab, values) {
  const url = new URL(location);
  const fields = page.data("address").fields[tab];
  const asks = page.address.queryWithKept(tab, fields, values, url.searchParams);
  asks.set("lang", wanted);
  url.search = asks;
  page.address.load(url);
}

page.language = {change, listen};
