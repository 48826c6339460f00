"""Processes of their own for what strangers may name: nothing of theirs is opened in the page's.

checkpoints.ask(name, function, *arguments)   function(name, …), where `name` may be opened
processes.Process                              one confined process and what it is asked
fork_server                                    forks them from one that has imported all
confine, landlock                              what such a process gives up
priority                                       who waits where cores or memory are short
messages                                       how it answers: plain data alone
"""
