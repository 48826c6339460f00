"""The page's address <-> the tab, its inputs and settings; links to copy and to embed, and a teacher's own.

    /?tab=predict&sentence1=A%20cat%20sat.&model=adapter%3Apair-warmed
    /?tab=fine-tune&max_steps=60&lock=max_steps,seed&hide=source&task=Which%20learning_rate%20learns%20fastest%3F

What isn't in the address stands at its default. Whatever comes from one is checked as if it had been typed.
"""

import json
import math
from dataclasses import dataclass, field

import gradio as gr

from languages import LANGUAGES, _, say
from pipeline.settings import InputError, shown
from tabs import drawing

MOST_TASK, MOST_NAME = 300, 200
LISTS = ("hide", "lock")
# What belongs to no tab's fields, and stays when another tab is opened
KEPT = ("lang", "task", "run", "walk")
# What a link of the tab keeps of the address that is no field of it
LINKED = {"fine-tune": ("lang", "run"), "layers": ("lang", "topic", "claim")}

# Tab buttons are Gradio's own; the address follows the visitor's click, and never Gradio's choice while it mounts. The tab
# of Layers has parts, of which Play is the one that needs no name.
FOLLOW_TABS = """const tabs = TABS, kept = KEPT;
document.addEventListener("click", (event) => {
  const [, kind, name] = event.target.closest("[role=tab]")?.getAttribute("aria-controls")?.match(/^(tab|layers)-(.+)$/) ?? [];
  const url = new URL(location), open = url.searchParams.get("tab") ?? tabs[0];
  if (kind === "layers") {
    for (const key of ["topic", "claim"]) url.searchParams.delete(key);
    url.searchParams.set("tab", "layers");
    if (name !== "play") url.searchParams.set("topic", name);
  } else if (tabs.includes(name) && open !== name) {
    for (const key of [...url.searchParams.keys()]) if (!kept.includes(key)) url.searchParams.delete(key);
    url.searchParams.set("tab", name);
  } else return;
  history.replaceState(null, "", url); });"""

# (values of the fields…, task, hidden, locked) -> the address of what is on the screen. Values at their default are left out.
QUERY = """const names = NAMES, defaults = DEFAULTS, kept = KEPT;
  const here = new URL(location).searchParams, query = new URLSearchParams({tab: "TAB"});
  for (const name of kept) if (here.get(name)) query.set(name, here.get(name));
  names.forEach((name, place) => { const value = values[place];
    if (value !== null && value !== undefined && String(value) !== String(defaults[place])) query.set(name, value); });"""
LINK = """(...values) => { QUERY
  const [task, hidden, locked] = values.slice(names.length);
  for (const [name, value] of [["task", task?.trim()], ["hide", hidden?.join(",")], ["lock", locked?.join(",")]])
    value ? query.set(name, value) : query.delete(name);
  const space = SPACE, page = location.pathname.replace(/\\/(LANGUAGES)\\/?$/, "/");
  const link = (space ? "https://huggingface.co/spaces/" + space : location.origin + page) + "?" + query;
  const source = (location.origin + page + "?" + query).replaceAll("&", "&amp;");
  const frame = `<iframe src="${source}" title="TITLE" width="100%" height="900" style="border: 0"></iframe>`;
  navigator.clipboard?.writeText(COPIED === "link" ? link : frame).catch(() => {});
  return [link, frame]; }"""
# After an action, the address says what was asked, so that a refreshed page asks it again.
KEEP = """(...values) => { QUERY
  // A run that ends offers its model to Predict: that is no reason to leave the tab that the visitor looks at
  if ((here.get("tab") ?? (here.get("run") ? "fine-tune" : "tokenize")) !== "TAB") return;
  for (const name of ["hide", "lock", "task", "walk"]) if (here.get(name)) query.set(name, here.get(name));
  history.replaceState(null, "", location.pathname + "?" + query);
  window.walkOn?.("DONE"); }"""


@dataclass(frozen=True)
class Shared:
    """What an address can say of one tab: its fields' components by their names in the address."""

    tab: str
    fields: dict = field(default_factory=dict)

    def script(self, template, **more):
        """A js function with this tab's names and defaults in it."""
        defaults = [_default(component) for component in self.fields.values()]
        values = {"QUERY": QUERY, "TAB": self.tab, "NAMES": json.dumps(list(self.fields)), "DEFAULTS": json.dumps(defaults),
                  "KEPT": json.dumps(LINKED.get(self.tab, ("lang",))), **more}  # fmt: skip
        for name, value in values.items():
            template = template.replace(name, value)
        return template

    def follow(self, *events, done):
        """The address follows these events, and so does the guided walk, where `done` is what it waits for."""
        for event in events:
            event.then(None, list(self.fields.values()), None, js=self.script(KEEP, DONE=done), api_visibility="private")


def _default(component):
    return component.value


def build_share(settings, shared):
    """A tab's Share section: a link to what is on the screen, the same as an iframe, a teacher's hidden and locked parts."""
    named = [(component.label or name, name) for name, component in shared.fields.items()]
    with gr.Accordion(_("Share: a link to exactly this, for a friend or a class"), open=False):
        with gr.Row():
            copy = gr.Button(_("Copy link"), variant="primary", min_width=160)
            embed = gr.Button(_("Copy the code to embed it"), min_width=160)
        # Fields and not still texts: on a phone, or where a page may not use the clipboard, it is selected here
        link = gr.Textbox("", label=_("Link"), interactive=True, placeholder=_("Copy link puts it here and on the clipboard"))
        frame = gr.Textbox("", label=_("HTML to embed"), interactive=True, lines=2)
        with gr.Accordion(_("For a class: a task, and what to hide or lock"), open=False):
            task = gr.Textbox("", label=_("Task"), max_length=MOST_TASK,
                              info=_("one line of plain text above the page, marked as the teacher's"))  # fmt: skip
            hidden = gr.CheckboxGroup(named, label=_("Hide"), visible=bool(named))
            locked = gr.CheckboxGroup(named, label=_("Lock"), visible=bool(named),
                                      info=_("shown, but not to be changed"))  # fmt: skip
    languages = "|".join(LANGUAGES)
    for button, copied in ((copy, "link"), (embed, "frame")):
        script = shared.script(LINK, SPACE=json.dumps(settings.space_id), LANGUAGES=languages, COPIED=json.dumps(copied),
                               TITLE=_("From a pair of sentences to a paraphrase classifier"))  # fmt: skip
        button.click(None, [*shared.fields.values(), task, hidden, locked], [link, frame], js=script, api_visibility="private")


def read_address(demo, tabs, above, parts):
    """When the page loads, its address fills the fields; returns the event after which all stands.

    above: a gr.HTML over the tabs for the teacher's task and for what was wrong; parts: [Shared, …], in the tabs' order.
    """
    components = [component for part in parts for component in part.fields.values()]

    def open_address(request: gr.Request):
        return opened(dict(request.query_params), parts)

    follow = FOLLOW_TABS.replace("TABS", json.dumps([part.tab for part in parts])).replace("KEPT", json.dumps(KEPT))
    demo.load(None, None, None, js=f"() => {{ {follow} }}", api_visibility="private")
    return demo.load(open_address, None, [tabs, above, *components], api_visibility="private", show_progress="hidden")


def opened(query, parts):
    """An address's values, a dict of untrusted text -> [selected tab, task and messages as HTML, an update a component]."""
    untouched = [gr.skip() for part in parts for _name in part.fields]
    tab = query.get("tab") or ("fine-tune" if query.get("run") else "")
    said = []
    task = str(query.get("task") or "").strip()
    if len(task) > MOST_TASK:
        said.append(say("The address brings a task of {count} characters; {most} is the most. Ask for a shorter one.",
                        count=len(task), most=MOST_TASK))  # fmt: skip
        task = ""
    known = {part.tab: part for part in parts}
    if tab and tab not in known:
        said.append(say("The address asks for the tab {tab}, which isn't here. Choose one of {tabs}.",
                        tab=shown(tab), tabs=", ".join(known)))  # fmt: skip
    if tab not in known:
        return [gr.skip(), _above(task, said), *untouched]
    updates = _updates(known[tab], query, said)
    drawn = [updates.get(name, gr.skip()) if part.tab == tab else gr.skip() for part in parts for name in part.fields]
    return [gr.Tabs(selected=tab), _above(task, said), *drawn]


def _updates(part, query, said):
    """{field: gr.update} of one tab. What is wrong goes to `said`, and the field keeps its default."""
    changes = {}
    for name, component in part.fields.items():
        if name in query:
            try:
                changes.setdefault(name, {})["value"] = read_value(name, query[name], component)
            except InputError as error:
                said.append(error.args[0])
    for what, verb, change in (("hide", say("hide"), {"visible": False}), ("lock", say("lock"), {"interactive": False})):
        for name in filter(None, str(query.get(what) or "").split(",")):
            if name in part.fields:
                changes.setdefault(name, {}).update(change)
            else:
                said.append(say("The address asks to {what} {name}, which isn't a control of this tab. Those are {names}.",
                                what=verb, name=shown(name), names=", ".join(part.fields)))  # fmt: skip
    return {name: gr.update(**change) for name, change in changes.items()}


def read_value(name, written, component):
    """The text that an address holds for a component -> its value; InputError where it couldn't have been typed there.

    >>> read_value("seed", "7", gr.Number(precision=0))
    7
    """
    if isinstance(component, gr.Checkbox):
        return _one_of(name, written, {"true": True, "false": False})
    if isinstance(component, (gr.Slider, gr.Number)):
        return _number(name, written, component)
    if isinstance(component, (gr.Radio, gr.Dropdown)) and not getattr(component, "allow_custom_value", False):
        return _one_of(name, written, {str(value): value for _label, value in component.choices})
    most = getattr(component, "max_length", None) or MOST_NAME
    if len(written) > most:
        raise InputError(say("The address brings {count} characters for {name}; {most} is the most. Shorten it.",
                             count=len(written), name=name, most=most))  # fmt: skip
    return written


def _one_of(name, written, values):
    if written not in values:
        raise InputError(say("The address says {name} = {value}, which can't be chosen here. Choose one of {values}.",
                             name=name, value=shown(written), values=", ".join(values)))  # fmt: skip
    return values[written]


def _number(name, written, component):
    low, high = component.minimum, component.maximum
    whole = getattr(component, "precision", None) == 0 or (isinstance(component, gr.Slider) and component.step == 1)
    try:
        number = float(written) if len(written) <= 40 else math.nan
    except ValueError:
        number = math.nan
    fits = math.isfinite(number) and (low is None or number >= low) and (high is None or number <= high)
    if not fits or (whole and number != int(number)):
        wanted = say("a whole number") if whole else say("a number")
        if low is not None and high is not None:
            wanted = say("{wanted} from {low} to {high}", wanted=wanted, low=f"{low:g}", high=f"{high:g}")
        raise InputError(say("The address says {name} = {value}. Write {wanted} there.",
                             name=name, value=shown(written), wanted=wanted))  # fmt: skip
    return int(number) if whole else number


def _above(task, said):
    label = _("Your teacher's task")
    drawn = f'<p class="task" role="note"><strong>{label}</strong> <bdi>{drawing.text(task)}</bdi></p>' if task else ""
    return drawn + "".join(drawing.notice(message, kind="error") for message in said)
