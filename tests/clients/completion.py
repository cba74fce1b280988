# Types command lines in an interactive shell and completes each: SHELL START LINE... START is what the shell runs first.
# Prints, for each line, the line and what the shell shows after a Tab (or two) as text.
import os
import pty
import re
import select
import signal
import sys

shell, start, lines = sys.argv[1], sys.argv[2], sys.argv[3:]
arguments = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
    "pwsh": ["pwsh", "-NoLogo", "-NoProfile"],
}[shell]

child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM="dumb", PS1="$ ", COLUMNS="200", LINES="200", INPUTRC="/dev/null")
    os.execvp(arguments[0], arguments)
signal.alarm(120)  # nobody waits for ever
shown = b""


def until(text):
    """Reads until the terminal shows this, and returns all that it showed."""
    global shown
    while text not in shown:
        try:
            more = os.read(terminal, 4096)
        except OSError:
            more = b""
        if not more:
            sys.exit(f"{shell} ended before it showed {text}: {shown}")
        shown += more
    at = shown.index(text) + len(text)
    before, shown = shown[:at], shown[at:]
    return before


def run(line):
    """Runs a line, and waits until it is done. The shell computes the number, so that its echo is not taken for it."""
    os.write(terminal, line.encode() + b"; echo done-$((40 + 2))\r")
    until(b"done-42")


run(start)
for number, line in enumerate(lines):
    # Ctrl-U empties the line, whatever the completion has made of it.
    os.write(terminal, line.encode() + b"\t\t\x15echo end-$((" + str(number).encode() + b" + 100))\r")
    text = until(b"end-" + str(number + 100).encode()).decode(errors="replace")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07", "", text)
    print(f"--- {line}\n{text}")
