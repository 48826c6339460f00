"""Processes of their own for what strangers may name: nothing of theirs is opened in the page's.

processes.Process    one confined process and what it is asked (pipeline/hub/isolated.py asks)
fork_server          forks them from one that has imported all
confine, landlock    what such a process gives up
messages             how it answers: plain data alone
priority             who waits where cores or memory are short
secrets              a host's, out of the reach of what strangers may name
"""
