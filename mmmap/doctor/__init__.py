"""What is installed, which scan will run, and how to fix what is wrong.

    python -m mmmap.doctor          a table, then the commands that fix it
    python -m mmmap.doctor --json   the same for programs

Exits with 1 when something required is wrong. Imports nothing outside the
standard library: everything else is tried in separate processes, so that a
crash is a line in the table.
"""
