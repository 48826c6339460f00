"""How the sections under the answer listen.

A section is worked out when it is opened, by its own button, and while it stands open whenever
there is a new answer: nobody pays for what they don't look at.
"""

# Asked again while it still works, a section is worked out once more for what is asked last
PRIVATE = {"api_visibility": "private", "show_progress": "minimal", "trigger_mode": "always_last"}
# The button of a section that is about the answer: tab.py has it pressed after each new one
OF_THE_ANSWER = {"size": "md", "elem_classes": "of-the-answer"}
