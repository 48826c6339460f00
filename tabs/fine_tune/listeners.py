"""How the tab's sections listen: their events are no part of the API, and what they fill doesn't
flicker.
"""

PRIVATE = {"api_visibility": "private", "show_progress": "hidden"}
