"""The scripts that a page names at its top are those that it asks for."""

from dev.needed_scripts import scripts_of
from web.assets import NEEDED


def test_a_first_visit_asks_for_no_script_that_is_not_named(browser, app_address):
    missing = set(scripts_of(browser, app_address)) - set(
        NEEDED.read_text(encoding="utf-8").split()
    )
    assert not missing, "run python -m dev.needed_scripts"
