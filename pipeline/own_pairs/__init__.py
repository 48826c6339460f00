"""A visitor's own pairs: a file -> a table -> labelled pairs in splits, kept for a while.

table = read_table(content, "pairs.csv", settings)      # read.py
columns = guess_columns(table)                          # columns.py; a visitor may change them
own = own_pairs(table, columns, settings=settings)      # pairs.py
reference = keep(own, settings)                         # store.py
"""
