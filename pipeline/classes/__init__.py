"""A class that meets at one link, `/?class=<code>`: a teacher's task, its pupils and their runs.

store    what is kept of a class and its pupils, and who may change it
names    nicknames: drawn, or typed and checked
rules    which runs a class allows
stopping the teacher's stop of a pupil's run

A class's folder, classes/<digest of its code>/ in the folder of runs, for a day:

teacher             sha256 of the key that may change it; written once, when it was opened
visitor             sha256 of the network address for which it counts
class.json          the task, the settings, whether it is closed
pupils/<id>.json    one pupil: name, runs, answers; sha256 of the key that may add to them
"""
