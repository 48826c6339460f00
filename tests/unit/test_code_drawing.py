"""A script on the page: its text is the source to the letter, whatever stands in it; only what does something can be taken."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.explain import step_by_hand as by_hand
from pipeline.export.scripts import predict_script
from pipeline.settings import EMBEDDED_CHECKPOINT
from tabs import scripts
from tests.unit.test_drawing import SCRIPT, Outline
from views import code as code_drawing


class Code(HTMLParser):
    """The text of <code>, as a browser copies it."""

    def __init__(self, drawn):
        super().__init__()
        self.inside, self.text = False, ""
        self.feed(str(drawn))
        self.close()

    def handle_starttag(self, tag, attributes):
        self.inside = self.inside or tag == "code"

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "code"

    def handle_data(self, data):
        self.text += data if self.inside else ""


def source_of(drawn):
    return Code(drawn).text


@given(st.text(max_size=60))
@example("")
@example("\n\nx = 1\n")
@example('x = """a\r\nb\x0c\u2028"""  # c\n')
@example("x = '🎉' + \"<b>\" # &amp;")
@example("if x:\n  y\n z")
@example("print(f'{x!r:>{6}} {{y}}')\n")
def test_the_text_is_the_source_to_the_letter(source):
    drawn = code_drawing.script(source, "x.py")
    assert source_of(drawn) == source
    assert not {"script", "img", "b"} & set(Outline(drawn).tags)


@pytest.mark.parametrize(
    "source", [by_hand.source(), predict_script(EMBEDDED_CHECKPOINT, SCRIPT, 'a "quoted" \\ one\n')]
)
def test_the_pages_own_scripts(source):
    drawn = code_drawing.script(source, "x.py")
    assert source_of(drawn) == source
    assert (
        Outline(drawn).tags.count("button") == 2 and 'class="k"' in drawn and 'class="c"' in drawn
    )
    assert 'tabindex="0" role="region" aria-label="The code of x.py"' in drawn


@pytest.mark.parametrize(
    "source", ["", "# Press Predict, then open this again", "# one\n\n# two\n"]
)
def test_a_message_is_shown_and_not_taken(source):
    drawn = code_drawing.script(source, "x.py", "some/where")
    assert source_of(drawn) == source and not {"button", "a"} & set(Outline(drawn).tags)


def test_what_the_server_has_is_a_link_to_it():
    outline = Outline(code_drawing.script("x = 1", "x.py", "some/where"))
    assert outline.tags.count("button") == 1 and dict(outline.attributes)["href"] == "some/where"


def test_a_handler_that_returns_source_is_drawn():
    def script(value):
        return f"x = {value}\n"

    drawing = scripts.in_block(script, "x.py")
    assert source_of(drawing(3)) == "x = 3\n" and drawing.__name__ == "script"
