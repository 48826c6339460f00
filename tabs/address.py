"""The page's address <-> the tab, its inputs and settings; links to copy and to embed, and a
teacher's own.

    /?tab=predict&sentence1=A%20cat%20sat.&model=adapter%3Apair-warmed
    /?tab=fine-tune&max_steps=60&lock=max_steps,seed&hide=source&task=Which%20learning_rate%20learns%20fastest%3F

What isn't in the address stands at its default. Whatever comes from one is checked as if it had been typed.
"""

import json
import math
from dataclasses import dataclass, field

import gradio as gr

from languages import LANGUAGES, _, say
from pipeline.errors import InputError, shown
from pipeline.hub.sources import RUN_PREFIX
from views import markup

MOST_TASK, MOST_NAME = 300, 200
LISTS = ("hide", "lock")
# What belongs to no tab's fields, and stays when another tab is opened
KEPT = ("lang", "task", "run", "walk")
# What a link of the tab keeps of the address that is no field of it
LINKED = {
    "tokenize": ("lang", "cell", "batch_cell"),
    "fine-tune": ("lang", "run"),
    "layers": ("lang", "topic", "claim"),
}
# What a teacher's link says besides, and a pupil's copy of it hands on
CLASS = ("task", "hide", "lock")
# What only the page before a reload had open in a tab that was left: the new one draws that tab without it
GONE = ("cell", "batch_cell", "topic", "claim", "open")
MOST_NAMED, MOST_LEFT = 3, 100_000

# One way to write the address, called by every script of the page. A Space shows its page in a frame of huggingface.co,
# whose own address follows what it is told here (huggingface.co/docs/hub/spaces-handle-url-parameters).
# What it said of the tabs that were left stands beside it in the browser's history, where a reload and Back find it again
# and a new link doesn't; Gradio's own windows (API, Settings) would write null there. The other language's page is a new one,
# to which it is handed on.
SHOW_ADDRESS = """{ const replace = history.replaceState.bind(history);
  history.replaceState = (state, ...where) => replace(state ?? history.state, ...where); }
window.showAddress = (url) => {
  history.replaceState(window.tabsLeft && {tabsLeft: window.tabsLeft}, "", url);
  if (window.parent !== window && location.hostname.endsWith(".hf.space"))
    window.parent.postMessage({queryString: location.search.slice(1)}, "https://huggingface.co"); };
window.openLanguage = (url) => {
  try { sessionStorage.setItem("tabsLeft:" + url.search, JSON.stringify(window.tabsLeft ?? {})); } catch { /* no storage */ }
  location.assign(url); };"""

# Tab buttons are Gradio's own; the address follows the visitor's click, and never Gradio's choice while it mounts. The tab
# of Layers has parts, of which Play is the one that needs no name. What the address said of a tab that is left (its inputs,
# what is locked) stands there again when the visitor comes back, after a reload as well.
FOLLOW_TABS = """const tabs = TABS, kept = KEPT, gone = GONE;
const handed = () => { try {
  const key = "tabsLeft:" + location.search, found = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return JSON.parse(found); } catch { return null; } };
const again = performance.getEntriesByType("navigation")[0]?.type !== "navigate";
const left = window.tabsLeft ??= (again ? history.state?.tabsLeft : handed()) ?? {};
for (const name in left) left[name] = left[name].filter(([key]) => !gone.includes(key));
showAddress(location);
document.addEventListener("click", (event) => {
  const [, kind, name] = event.target.closest("[role=tab]")?.getAttribute("aria-controls")?.match(/^(tab|layers)-(.+)$/) ?? [];
  const url = new URL(location), asks = url.searchParams;
  const open = asks.get("tab") ?? (asks.get("run") ? "fine-tune" : tabs[0]);
  if (kind === "layers") {
    for (const key of ["topic", "claim"]) asks.delete(key);
    asks.set("tab", "layers");
    if (name !== "play") asks.set("topic", name);
  } else if (tabs.includes(name) && open !== name) {
    left[open] = [...asks].filter(([key]) => key !== "tab" && !kept.includes(key));
    for (const [key] of left[open]) asks.delete(key);
    asks.set("tab", name);
    for (const [key, value] of left[name] ?? []) asks.set(key, value);
  } else return;
  showAddress(url); });"""

# (values of the fields…, and a link's of CLASS and with_run) -> the address of what is on the screen. Values at their
# default are left out.
QUERY = """const names = NAMES, defaults = DEFAULTS, kept = KEPT;
  const here = new URL(location).searchParams, query = new URLSearchParams({tab: "TAB"});
  for (const name of kept) if (here.get(name)) query.set(name, here.get(name));
  names.forEach((name, place) => {  // in a list, a run of one's own is left out: it stands in no other visitor's
    const value = Array.isArray(values[place]) ? values[place].filter((one) => !one.startsWith("run:")) : values[place];
    if (value !== null && value !== undefined && String(value) !== String(defaults[place])) query.set(name, value); });"""
LINK = """(...values) => { QUERY
  const [task, hidden, locked, withRun] = values.slice(names.length);
  if (withRun === false) query.delete("run");
  const open = [...document.querySelectorAll("#tab-TAB [id^=open-] > button.label-wrap.open")]
    .map((fold) => fold.parentElement.id.slice("open-".length));
  if (open.length) query.set("open", open.join(","));
  for (const [name, value] of [["task", task?.trim()], ["hide", hidden?.join(",")], ["lock", locked?.join(",")]])
    value ? query.set(name, value) : query.delete(name);
  const space = SPACE, page = location.pathname.replace(/\\/(LANGUAGES)\\/?$/, "/");
  const link = (space ? "https://huggingface.co/spaces/" + space : location.origin + page) + "?" + query;
  const source = (location.origin + page + "?" + query).replaceAll("&", "&amp;");
  const frame = `<iframe src="${source}" title="TITLE" width="100%" height="900" style="border: 0" ` +
    `allow="clipboard-write"></iframe>`;
  navigator.clipboard?.writeText(COPIED === "link" ? link : frame).catch(() => {});
  return [link, frame]; }"""
# Once the fields are filled: the visitor may have gone to another tab before the server chose the address's, and is there
# again, since the address has followed; and the sections open that a link's sender had open.
FILLED = """() => { const tab = "tab-" + new URL(location).searchParams.get("tab");
  setTimeout(() => { for (const one of document.querySelectorAll("[role=tab][aria-selected=false]"))
    if (one.getAttribute("aria-controls") === tab) one.click(); }, 50);
  const open = new URL(location).searchParams.get("open")?.split(",") ?? [];
  const unfold = (tries) => { for (const fold of document.querySelectorAll("[role=tabpanel] [id^=open-] > button.label-wrap")) {
      const place = open.indexOf(fold.parentElement.id.slice("open-".length));
      if (place >= 0 && fold.offsetParent) { open.splice(place, 1); if (!fold.classList.contains("open")) fold.click(); } }
    if (open.length && tries) setTimeout(unfold, 100, tries - 1); };
  if (open.length) setTimeout(unfold, 100, 50); }"""
# After an action, the address says what was asked, so that a refreshed page asks it again.
KEEP = """(...values) => { QUERY
  // A run that ends offers its model to Predict: that is no reason to leave the tab that the visitor looks at
  if ((here.get("tab") ?? (here.get("run") ? "fine-tune" : "tokenize")) !== "TAB") {
    const fixed = (window.tabsLeft?.["TAB"] ?? []).filter(([key]) => ["hide", "lock"].includes(key));
    if (window.tabsLeft) {
      window.tabsLeft["TAB"] = [...query, ...fixed].filter(([key]) => !["tab", "lang"].includes(key));
      showAddress(location); }
    return;
  }
  CARRY
  showAddress(location.pathname + "?" + query);
  window.walkOn?.("DONE"); }"""
# The other language's page opens with what stands in the fields, asked for or not.
SWITCH_LANGUAGE = """(...values) => { QUERY
  CARRY
  query.set("lang", window.languageWanted);
  const url = new URL(location); url.search = query; openLanguage(url); }"""
CARRY = "for (const name of CARRIED) if (here.get(name)) query.set(name, here.get(name));".replace(
    "CARRIED", json.dumps([*LISTS, *KEPT])
)


# A section is worked out by its own button; while it stands open, that is pressed for the visitor when what it is about
# has changed. In the browser, so that what is folded costs the server nothing.
PRESS = """() => { for (const button of document.querySelectorAll("button.NAME")) {
  const fold = button.closest(".gr-accordion")?.querySelector(":scope > button.label-wrap");
  if (fold?.classList.contains("open")) button.click(); } }"""


def press_open(name, events):
    """After each of these events, the buttons of elem_classes `name` are pressed whose section is open."""
    for event in events:
        event.then(None, None, None, js=PRESS.replace("NAME", name), api_visibility="private")


@dataclass(frozen=True)
class Shared:
    """What an address can say of one tab: its fields' components by their names in the address.

    fills: {component: names of the fields that it writes into}, which a teacher's lock on one of them takes away.
    fixed: a gr.State for the names of what is locked or hidden, where a handler has to know.
    teacher: components of the tab's Share section, by their names in the address: what a link hands on.
    for_class: whether a teacher is offered its fields to hide and to lock.
    """

    tab: str
    fields: dict = field(default_factory=dict)
    fills: dict = field(default_factory=dict)
    fixed: object = None
    teacher: dict = field(default_factory=dict)
    for_class: bool = True

    @property
    def outputs(self):
        """All that an address changes of the tab, in the order of `updates`."""
        return [
            *self.fields.values(),
            *self.fills,
            *([self.fixed] if self.fixed else []),
            *self.teacher.values(),
        ]

    def updates(self, changes, fixed, handed_on):
        """An update for each of `outputs`: {field: change}, names of what is fixed, {name: value} of the teacher's."""
        drawn = [
            gr.update(**changes[name]) if name in changes else gr.skip() for name in self.fields
        ]
        drawn += [
            gr.update(visible=False) if fixed & set(names) else gr.skip()
            for names in self.fills.values()
        ]
        drawn += [sorted(fixed)] if self.fixed else []
        return drawn + [handed_on.get(name, gr.skip()) for name in self.teacher]

    def script(self, template, **more):
        """A js function with this tab's names and defaults in it."""
        defaults = [_default(component) for component in self.fields.values()]
        values = {
            "QUERY": QUERY,
            "CARRY": CARRY,
            "TAB": self.tab,
            "NAMES": json.dumps(list(self.fields)),
            "DEFAULTS": json.dumps(defaults),
            "KEPT": json.dumps(LINKED.get(self.tab, ("lang",))),
            **more,
        }
        for name, value in values.items():
            template = template.replace(name, value)
        return template

    def follow(self, *events, done=""):
        """The address follows these events, and so does the guided walk, where `done` is what it waits for."""
        for event in events:
            event.then(**self._kept(done))

    def follow_changes(self, *listeners):
        """As `follow`, for listeners (`component.change`) of what no event of ours goes before."""
        gr.on(list(listeners), **self._kept(""))

    def _kept(self, done):
        script = self.script(KEEP, DONE=done)
        return {
            "fn": None,
            "inputs": list(self.fields.values()),
            "outputs": None,
            "js": script,
            "api_visibility": "private",
        }


def _default(component):
    return component.value


def build_share(settings, shared):
    """A tab's Share section: a link to what is on the screen, the same as an iframe, a teacher's hidden and locked parts."""
    named = [
        (component.label or name, name)
        for name, component in shared.fields.items()
        if shared.for_class
    ]
    with gr.Accordion(_("Share: a link to exactly this, for a friend or a class"), open=False):
        with gr.Row():
            copy = gr.Button(_("Copy link"), variant="primary", min_width=160)
            embed = gr.Button(_("Copy the code to embed it"), min_width=160)
        with_run = gr.Checkbox(
            True,
            label=_("with the run that is shown"),
            visible="run" in LINKED.get(shared.tab, ()),
            info=_("without it, the link has the settings alone"),
        )
        # Fields and not still texts: on a phone, or where a page may not use the clipboard, it is selected here
        link = gr.Textbox(
            "",
            label=_("Link"),
            interactive=True,
            placeholder=_("Copy link puts it here and on the clipboard"),
        )
        frame = gr.Textbox("", label=_("HTML to embed"), interactive=True, lines=2)
        with gr.Accordion(_("For a class: a task, and what to hide or lock"), open=False):
            task = gr.Textbox(
                "",
                label=_("Task"),
                max_length=MOST_TASK,
                info=_("one line of plain text above the page, marked as the teacher's"),
            )
            hidden = gr.CheckboxGroup(named, label=_("Hide"), visible=bool(named))
            locked = gr.CheckboxGroup(
                named, label=_("Lock"), visible=bool(named), info=_("shown, but not to be changed")
            )
    shared.teacher.update(zip(CLASS, (task, hidden, locked), strict=True))
    # Pressed by the link in the page's head: a script can press a button, and the event knows the fields
    switch = gr.Button("", visible="hidden", elem_id=f"language-of-{shared.tab}")
    switch.click(
        None,
        list(shared.fields.values()),
        None,
        js=shared.script(SWITCH_LANGUAGE),
        api_visibility="private",
    )
    languages = "|".join(LANGUAGES)
    for button, copied in ((copy, "link"), (embed, "frame")):
        script = shared.script(
            LINK,
            SPACE=json.dumps(settings.space_id),
            LANGUAGES=languages,
            COPIED=json.dumps(copied),
            TITLE=_("From a pair of sentences to a paraphrase classifier"),
        )
        said = [*shared.fields.values(), task, hidden, locked, with_run]
        button.click(None, said, [link, frame], js=script, api_visibility="private")


# Whether an address says more than a language or a theme, or said more of another tab: only then has the server anything to
# fill in. What it said of the others is handed to it.
ASKED = """() => { FOLLOW
  const more = [...new URLSearchParams(location.search).keys()].some((key) => !QUIET.includes(key) && !key.startsWith("__"));
  return more || Object.keys(left).length ? [JSON.stringify(left), ""] : ["", "seen"]; }"""
QUIET = ("lang", "walk", "view")


def read_address(demo, tabs, above, parts):
    """When the page loads, its address fills the fields, and those of the tabs that were left with what it said of them.
    Returns {tab: the event after which it may draw itself}.

    A tab draws itself when it is first seen, so that a visitor pays for no other; where the address fills fields, all do
    afterwards. above: a gr.HTML over the tabs for the teacher's task and for what was wrong; parts: [Shared, ...], in the
    tabs' order.
    """
    components = [component for part in parts for component in part.outputs]

    def open_address(left, request: gr.Request):
        return opened(dict(request.query_params), parts, read_left(left))

    # A change of a hidden text is an event that the page itself can raise
    asked, *seen = [gr.Textbox("", visible="hidden") for _part in ("asked", *parts)]
    names = [part.tab for part in parts]
    script = (
        ASKED.replace("FOLLOW", FOLLOW_TABS)
        .replace("TABS", json.dumps(names))
        .replace("KEPT", json.dumps(KEPT))
    )
    script = script.replace("GONE", json.dumps(GONE))
    private = {"api_visibility": "private", "show_progress": "hidden"}
    demo.load(
        None, None, [asked, seen[0]], js=script.replace("QUIET", json.dumps(QUIET)), **private
    )
    filled = asked.change(open_address, asked, [tabs, above, *components], **private)
    filled.then(None, None, seen, js=f"() => Array({len(seen)}).fill('seen')", **private)
    filled.then(None, None, None, js=FILLED, api_visibility="private")
    # The first tab is seen from the start, and its own event would come before the address is read
    for tab, mark in zip(tabs.children[1:], seen[1:], strict=True):
        tab.select(None, None, mark, js="() => 'seen'", **private)
    return {name: mark.change for name, mark in zip(names, seen, strict=True)}


def read_left(written):
    """What the page's script kept of the tabs that were left, JSON that nobody vouches for -> {tab: {name: text}}.

    >>> read_left('{"predict": [["lock", "sentence1"]]}'), read_left('{"predict": 7}')
    ({'predict': {'lock': 'sentence1'}}, {})
    """
    try:
        left = json.loads(written) if len(written) <= MOST_LEFT else {}
        return {
            tab: {name: str(value) for name, value in said if isinstance(name, str)}
            for tab, said in left.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def opened(query, parts, left=None):
    """An address's values, a dict of untrusted text -> [selected tab, task and messages as HTML, an update a component].

    left: {tab: such a dict}, what it said of other tabs, which is checked and done likewise.
    """
    tab = query.get("tab") or ("fine-tune" if query.get("run") else "")
    said = []
    task = str(query.get("task") or "").strip()
    if len(task) > MOST_TASK:
        said.append(
            say(
                "The address brings a task of {count} characters; {most} is the most. Ask for a shorter one.",
                count=len(task),
                most=MOST_TASK,
            )
        )
        task = ""
    known = {part.tab: part for part in parts}
    if tab and tab not in known:
        said.append(
            say(
                "The address asks for the tab {tab}, which isn't here. Choose one of {tabs}.",
                tab=shown(tab),
                tabs=", ".join(known),
            )
        )
    drawn = []
    for part in parts:
        own = query if part.tab == tab else (left or {}).get(part.tab, {})
        changes, named = _changes(part, own, said)
        handed_on = {**({"task": task} if task else {}), **named}
        drawn += part.updates(
            changes, {name for names in named.values() for name in names}, handed_on
        )
    return [gr.Tabs(selected=tab) if tab in known else gr.skip(), _above(task, said), *drawn]


def _changes(part, query, said):
    """({field: what to change}, {"hide" or "lock": names}) of one tab. What is wrong goes to `said`; a field keeps its default."""
    changes, fixed = {}, {}
    for name, component in part.fields.items():
        if name in query:
            try:
                changes.setdefault(name, {})["value"] = read_value(name, query[name], component)
            except InputError as error:
                said.append(error.args[0])
    for what, verb, change in (
        ("hide", say("hide"), {"visible": False}),
        ("lock", say("lock"), {"interactive": False}),
    ):
        asked = list(dict.fromkeys(filter(None, str(query.get(what) or "").split(","))))
        fixed[what] = [name for name in asked if name in part.fields]
        for name in fixed[what]:
            changes.setdefault(name, {}).update(change)
        if strangers := [name for name in asked if name not in part.fields]:
            said.append(
                say(
                    "The address asks to {what} {name}, which isn't a control of this tab. Those are {names}.",
                    what=verb,
                    name=_some(strangers),
                    names=", ".join(part.fields),
                )
            )
    return changes, {what: names for what, names in fixed.items() if names}


def _some(names):
    """The first few of them, as text."""
    return ", ".join(map(shown, names[:MOST_NAMED])) + (", …" if len(names) > MOST_NAMED else "")


def read_value(name, written, component):
    """The text that an address holds for a component -> its value; InputError where it couldn't have been typed there.

    >>> read_value("seed", "7", gr.Number(precision=0))
    7
    """
    if isinstance(component, gr.Checkbox):
        return _one_of(name, written, {"true": True, "false": False})
    if isinstance(component, gr.CheckboxGroup):
        known = {str(value): value for _label, value in component.choices}
        # A sender's own run stands in no other's list
        parts = [
            part
            for part in dict.fromkeys(written.split(","))
            if part and not part.startswith(RUN_PREFIX)
        ]
        return [_one_of(name, part, known) for part in parts]
    if isinstance(component, (gr.Slider, gr.Number)):
        return _number(name, written, component)
    if isinstance(component, (gr.Radio, gr.Dropdown)) and not getattr(
        component, "allow_custom_value", False
    ):
        return _one_of(name, written, {str(value): value for _label, value in component.choices})
    most = getattr(component, "max_length", None) or MOST_NAME
    if len(written) > most:
        raise InputError(
            say(
                "The address brings {count} characters for {name}; {most} is the most. Shorten it.",
                count=len(written),
                name=name,
                most=most,
            )
        )
    return written


def _one_of(name, written, values):
    # A page writes 1 and 0.00001 where Python writes 1.0 and 1e-05
    by_page = {
        f"{value:.10f}".rstrip("0").rstrip("."): value
        for value in values.values()
        if isinstance(value, float)
    }
    if written in by_page:
        return by_page[written]
    if written not in values:
        raise InputError(
            say(
                "The address says {name} = {value}, which can't be chosen here. Choose one of {values}.",
                name=name,
                value=shown(written),
                values=", ".join(values),
            )
        )
    return values[written]


def _number(name, written, component):
    low, high = component.minimum, component.maximum
    whole = getattr(component, "precision", None) == 0 or (
        isinstance(component, gr.Slider) and component.step == 1
    )
    try:
        number = float(written) if len(written) <= 40 else math.nan
    except ValueError:
        number = math.nan
    fits = (
        math.isfinite(number)
        and (low is None or number >= low)
        and (high is None or number <= high)
    )
    if not fits or (whole and number != int(number)):
        wanted = say("a whole number") if whole else say("a number")
        if low is not None and high is not None:
            wanted = say(
                "{wanted} from {low} to {high}", wanted=wanted, low=f"{low:g}", high=f"{high:g}"
            )
        raise InputError(
            say(
                "The address says {name} = {value}. Write {wanted} there.",
                name=name,
                value=shown(written),
                wanted=wanted,
            )
        )
    return int(number) if whole else number


def _above(task, said):
    label = _("Your teacher's task")
    drawn = (
        f'<p class="task" role="note"><strong>{label}</strong> <bdi>{markup.text(task)}</bdi></p>'
        if task
        else ""
    )
    return drawn + "".join(markup.notice(message, kind="error") for message in said)
