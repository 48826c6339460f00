"""What follows the shown run is one event for all sections: each costs the page and the server the same again."""

import gradio as gr
import pytest

from pipeline.settings import Settings
from tabs.fine_tune.tab import build_tab


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(the tab, the functions of its page that ask the server)."""
    settings = Settings(runs_folder=tmp_path_factory.mktemp("runs"), data="embedded")
    with gr.Blocks() as demo:
        tab = build_tab(settings)
    return tab, [function for function in demo.fns.values() if function.fn]


def on(built, component, event="change"):
    return [one for one in built[1] if (component._id, event) in one.targets]


def test_a_change_of_the_run_asks_once_for_all_sections(built):
    panel = built[0].panel
    counts = {
        name: len(on(built, getattr(panel, name)))
        for name in ("run_id", "known", "ended", "owned", "watched", "status")
    }
    expected = dict.fromkeys(counts, 0)
    assert counts == {**expected, "known": 1, "ended": 1}
    assert len(on(built, panel.status, "submit")) == 1
    [known] = on(built, panel.known)
    assert set(panel.outputs) <= set(known.outputs), "it draws all that a look draws"
    assert known.inputs == [panel.ended, panel.owned, panel.run_id, panel.known], "as its script"


def test_nothing_asks_after_a_start_for_its_answer_has_the_run_drawn(built):
    tab, functions = built
    [press] = [one for one in functions if (tab.launch.panel.again._id, "click") in one.targets]
    assert set(tab.panel.outputs) <= set(press.outputs)
    assert [one for one in functions if one.trigger_after == press._id] == []


def test_a_form_that_is_filled_is_forecast_once_and_the_grid_in_its_closed_fold_never(built):
    tab = built[0]
    fields = [*tab.launch.controls.values(), *tab.grid.fields.values(), tab.grid.line]
    assert {len(on(built, field)) for field in fields} == {0}
