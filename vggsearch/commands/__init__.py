"""What each command does: one module a command, imported when it runs."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells count it: 128 + SIGINT."""
