"""The page's address -> the tab, its inputs and settings, and a teacher's own.

    /?tab=predict&sentence1=A%20cat%20sat.&model=adapter%3Apair-warmed
    /?tab=fine-tune&max_steps=60&lock=max_steps,seed&hide=source&task=Which%20learning_rate%20learns%20fastest%3F

What isn't in the address stands at its default. Whatever comes from one is checked as if it had
been typed. The page's own half, which writes the address, is static/address.js.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from languages import say
from pipeline.classes.store import MOST_OF_A_TASK
from pipeline.errors import InputError, shown
from pipeline.hub.sources import RUN_PREFIX
from tabs.page_data import json_block
from tabs.which_pairs import OWN_IN_ADDRESS, OWN_TITLE, PairsChoice
from views.render import render

MOST_TASK, MOST_NAME = MOST_OF_A_TASK, 200
MOST_NAMED, MOST_LEFT = 3, 100_000
PAIR = ("sentence1", "sentence2")
OWN_ELSEWHERE = say(
    "The address asks for somebody's own pairs. They stay in the browser that brought them, for a "
    "day at most, so the page shows MRPC. Bring your own pairs, or choose others."
)
# What a teacher's link may do to a field: {name in the address: (its verb, the change)}
FIXED = {
    "hide": (say("hide"), {"visible": False}),
    "lock": (say("lock"), {"interactive": False}),
}


def press_open(name: str, events: Sequence) -> None:
    """After each of these events, press the buttons of elem_classes `name` in open sections.

    A section is worked out by its own button. In the browser, so that what is folded costs the
    server nothing.
    """
    for event in events:
        event.then(None, js=f"() => page.pressOpen({json.dumps(name)})", api_visibility="private")


@dataclass(frozen=True)
class Shared:
    """What an address can say of one tab: its fields' components by their names in the address.

    fills: {component: names of the fields that it writes into}, which a teacher's lock on one of
    them takes away.
    fixed: a gr.State for the names of what is locked or hidden, where a handler has to know.
    teacher: components of the tab's Share section, by their names in the address: what a link hands
    on.
    for_class: whether a teacher is offered its fields to hide and to lock.
    renamed: what an address said under an earlier version's names, as this one's.
    """

    tab: str
    fields: dict[str, Component] = field(default_factory=dict)
    fills: dict[Block, Sequence[str]] = field(default_factory=dict)
    fixed: gr.State | None = None
    teacher: dict[str, Component] = field(default_factory=dict)
    for_class: bool = True
    renamed: Callable[[dict[str, Any]], dict[str, Any]] = dict

    @property
    def outputs(self) -> list[Block]:
        """All that an address may change of the tab."""
        fixed = [self.fixed] if self.fixed else []
        return [*self.fields.values(), *self.fills, *fixed, *self.teacher.values()]

    @property
    def values(self) -> list[Component]:
        """The fields, in the order in which the page's scripts get their values."""
        return list(self.fields.values())

    @property
    def pair(self) -> list[Component]:
        """The fields of the page's pair, where the tab has them."""
        return [self.fields[name] for name in PAIR] if self.fields.keys() >= set(PAIR) else []

    @property
    def one_for_all(self) -> dict[str, Component]:
        """The fields that other tabs have, too, and that are equal in all: the page's pair, and the
        choice of pairs.
        """
        names = [*(PAIR if self.pair else ()), "task_name"]
        return {name: self.fields[name] for name in names if name in self.fields}

    def data(self) -> dict[str, list]:
        """What the page's scripts know of the fields (static/address.js)."""
        defaults = [component.value for component in self.values]
        return {"names": list(self.fields), "defaults": defaults}

    def follow(self, *events: Any, done: str = "") -> None:
        """The address follows these events; so does the guided walk, where `done` is its step."""
        for event in events:
            event.then(**self._kept(done))

    def follow_changes(self, *listeners: Any) -> None:
        """As `follow`, for listeners (`component.change`, `component.input`) of what no event of
        ours goes before.
        """
        gr.on(list(listeners), **self._kept(""))

    def _kept(self, done: str) -> dict[str, Any]:
        tab, done = json.dumps(self.tab), json.dumps(done)
        return {
            "fn": None,
            "inputs": self.values,
            "js": f"(...values) => page.address.keep({tab}, values, {done})",
            "api_visibility": "private",
        }


def read_address(
    demo: gr.Blocks,
    tabs: gr.Tabs,
    above: gr.HTML,
    parts: Sequence[Shared],
    kept: gr.Textbox,
    still_kept: Callable[[object], str],
    owned: Component,
    of_class: Sequence[Component] = (),
) -> dict:
    """When the page loads, its address fills the fields, and those of the tabs that were left with
    what it said of them. Returns {tab: a hidden text, whose changes let it draw itself}.

    A tab draws itself when it is first seen, so that a visitor pays for no other. above: over the
    tabs, for the teacher's task and for what was wrong; parts: in the tabs' order. kept: is filled
    with the key that the browser keeps to its visitor's own pairs; still_kept: such a key, or ""
    where it opens nothing. owned: is filled with the runs that the browser remembers. of_class: are
    filled last, with the address's class and the browser's keys to it.
    """
    json_block("address", {"fields": {part.tab: part.data() for part in parts}})

    def open_address(left: str, own: str, request: gr.Request) -> dict[Block, Any]:
        said = read_left(left)
        address = opened(dict(request.query_params), parts, said, still_kept(own))
        tab = {tabs: gr.Tabs(selected=address.tab)} if address.tab else {}
        return {above: address.above(), **tab, **address.changes}

    # A change of a hidden text is an event that the page itself can raise
    asked, *seen = [gr.Textbox("", visible="hidden") for _part in ("asked", *parts)]
    private = {"api_visibility": "private", "show_progress": "hidden"}
    # What the browser keeps comes first: a change of `asked` asks for it
    js = "() => [page.fineTune.remember(), ...page.address.begin()]"
    demo.load(None, None, [owned, kept, asked, seen[0]], js=js, **private)
    components = [component for part in parts for component in part.outputs]
    filled = asked.change(open_address, [asked, kept], [tabs, above, *components], **private)
    filled.then(None, None, seen, js="() => page.address.marks()", **private)
    filled.then(None, js="() => page.address.filled()", api_visibility="private")
    if of_class:  # it locks fields that the address fills
        filled.then(None, None, list(of_class), js="() => page.classRoom.begin()", **private)
    # The first tab is seen from the start. One that the address opens is selected before it is
    # filled, and draws itself afterwards
    for tab, mark in zip(tabs.children[1:], seen[1:], strict=True):
        tab.select(None, mark, mark, js="(mark) => page.address.seen(mark)", **private)
    return {part.tab: mark for part, mark in zip(parts, seen, strict=True)}


def read_left(written: str) -> dict[str, dict[str, str]]:
    """What the page's script kept of the tabs that were left, JSON that nobody vouches for, as
    {tab: {name: text}}.

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


@dataclass
class Address:
    """What an address asks for: the tab to select, the teacher's task, a change for each component,
    and messages on what was wrong.
    """

    tab: str | None = None
    task: str = ""
    changes: dict[Block, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def above(self) -> str:
        """Over the tabs: the task, and what was wrong."""
        return render("address.html", task=self.task, wrong=self.wrong)


def opened(
    query: Mapping[str, str],
    parts: Sequence[Shared],
    left: Mapping[str, Mapping[str, str]] | None = None,
    own: str = "",
) -> Address:
    """An address's values, a dict of untrusted text -> what it asks for.

    left: {tab: such a dict}, what it said of other tabs, which is checked and done likewise. own:
    the key to this visitor's own pairs, or "".
    """
    address = Address()
    address.task = _task(str(query.get("task") or "").strip(), address.wrong)
    in_class = bool(query.get("class"))
    tab = query.get("tab") or ("fine-tune" if query.get("run") else "class" if in_class else "")
    known = [part.tab for part in parts if part.tab != "class" or in_class]
    if tab in known:
        address.tab = tab
    elif tab:
        address.wrong.append(
            say(
                "The address asks for the tab {tab}, which doesn't exist. Choose one of {tabs}.",
                tab=shown(tab),
                tabs=", ".join(known),
            )
        )
    for part in parts:
        said = query if part.tab == tab else (left or {}).get(part.tab, {})
        _open_part(part, part.renamed(dict(said)), address, own)
    _one_for_all(parts, address)
    return address


def _one_for_all(parts: Sequence[Shared], address: Address) -> None:
    """The page has one pair, and one choice of pairs: what the address says of them in one tab, a
    lock among it, holds in all. The tab that it opens comes first.
    """
    parts = sorted(parts, key=lambda part: part.tab != address.tab)
    for name in (*PAIR, "task_name"):
        fields = [part.one_for_all[name] for part in parts if name in part.one_for_all]
        said = next((address.changes[field] for field in fields if field in address.changes), None)
        if said:
            # Gradio 6.31 changes the update that it is given: each field gets its own
            address.changes.update({field: dict(said) for field in fields})


def _task(task: str, wrong: list[str]) -> str:
    if len(task) <= MOST_TASK:
        return task
    wrong.append(
        say(
            "The task in the address has {count} characters; the limit is {most}. Ask for a "
            "shorter one.",
            count=len(task),
            most=MOST_TASK,
        )
    )
    return ""


def _open_part(part: Shared, query: Mapping[str, str], address: Address, own: str) -> None:
    """Add to `address` what it says of one tab. A field whose value is wrong keeps its default."""
    changes: dict[str, dict[str, Any]] = {}
    for name, component in part.fields.items():
        if name in query:
            try:
                if isinstance(component, PairsChoice) and query[name] == OWN_IN_ADDRESS:
                    changes[name] = _own_pairs(component, own)
                    continue
                changes[name] = {"value": read_value(name, query[name], component)}
            except InputError as error:
                address.wrong.append(error.args[0])
    handed_on: dict[str, Any] = {"task": address.task} if address.task else {}
    fixed: set[str] = set()
    for what, (verb, change) in FIXED.items():
        asked = list(dict.fromkeys(filter(None, str(query.get(what) or "").split(","))))
        names = [name for name in asked if name in part.fields]
        for name in names:
            changes.setdefault(name, {}).update(change)
        fixed |= set(names)
        if names:
            handed_on[what] = names
        if strangers := [name for name in asked if name not in part.fields]:
            address.wrong.append(
                say(
                    "The address asks to {what} {name}, which isn't a control of this tab. The "
                    "controls are {names}.",
                    what=verb,
                    name=_some(strangers),
                    names=", ".join(part.fields),
                )
            )
    for name, change in changes.items():
        address.changes[part.fields[name]] = gr.update(**change)
    for component, names in part.fills.items():
        if fixed & set(names):
            address.changes[component] = gr.update(visible=False)
    if part.fixed:
        address.changes[part.fixed] = sorted(fixed)
    for name, component in part.teacher.items():
        if name in handed_on:
            address.changes[component] = handed_on[name]


def _own_pairs(choice: gr.Dropdown, own: str) -> dict[str, Any]:
    """The change by which the visitor's own pairs are chosen; InputError where there are none."""
    if not own:
        raise InputError(OWN_ELSEWHERE)
    return {"value": own, "choices": [*choice.choices, (str(OWN_TITLE), own)]}


def _some(names: list[str]) -> str:
    """The first few of them, as text."""
    return ", ".join(map(shown, names[:MOST_NAMED])) + (", …" if len(names) > MOST_NAMED else "")


def read_value(name: str, written: str, component: Component) -> Any:
    """The text that an address holds for a component -> its value.

    Raises InputError where it couldn't have been typed there.

    >>> read_value("seed", "7", gr.Number(precision=0))
    7
    """
    if isinstance(component, gr.Checkbox):
        return _one_of(name, written, {"true": True, "false": False})
    if isinstance(component, gr.CheckboxGroup):
        # A sender's own run stands in no other's list
        parts = [
            part
            for part in dict.fromkeys(written.split(","))
            if part and not part.startswith(RUN_PREFIX)
        ]
        return [_one_of(name, part, _choices(component)) for part in parts]
    if isinstance(component, (gr.Slider, gr.Number)):
        return checked_number(name, written, component)
    is_free = getattr(component, "allow_custom_value", False)
    if isinstance(component, (gr.Radio, gr.Dropdown)) and not is_free:
        return _one_of(name, written, _choices(component))
    most = getattr(component, "max_length", None) or MOST_NAME
    if len(written) > most:
        raise InputError(
            say(
                "{name} in the address has {count} characters; the limit is {most}. Shorten it.",
                count=len(written),
                name=name,
                most=most,
            )
        )
    return written


def _choices(component: gr.Radio | gr.Dropdown | gr.CheckboxGroup) -> dict[str, Any]:
    """{what an address says: the value}."""
    return {str(value): value for _label, value in component.choices}


def _one_of(name: str, written: str, values: Mapping[str, Any]) -> Any:
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
                "The address says {name} = {value}, which isn't an option here. Choose one of "
                "{values}.",
                name=name,
                value=shown(written),
                values=", ".join(values),
            )
        )
    return values[written]


def checked_number(name: str, written: str, component: gr.Slider | gr.Number) -> float:
    """An address' number for a field. InputError where it is none, or out of the field's range."""
    low, high = component.minimum, component.maximum
    is_whole = getattr(component, "precision", None) == 0 or (
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
    if fits and not (is_whole and number != int(number)):
        return int(number) if is_whole else number
    wanted = say("a whole number") if is_whole else say("a number")
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
