# Types command lines in an interactive shell and completes each: SHELL START LINE... START is what the shell runs first.
# Prints each line, and what the shell shows after two Tabs.
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
    os.environ.update(TERM="dumb", PS1="ready> ", COLUMNS="200", LINES="200", INPUTRC="/dev/null")
    os.execvp(arguments[0], arguments)
signal.alarm(120)  # nobody waits for ever
shown = b""


def until(text):
    """Reads until the terminal shows this text, and returns everything that it showed."""
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
    """Runs a line and waits until it is done. The shell computes the number, which distinguishes it from the echo."""
    os.write(terminal, line.encode() + b"; echo done-$(expr 40 + 2)\r")
    until(b"done-42")
    ready()


def ready():
    """Waits for the prompt, because the shell does not edit what is typed before it."""
    if shell != "fish":
        until(b"ready> ")


ready()
run(start)
for number, line in enumerate(lines):
    end = b"echo end-$(expr " + str(number).encode() + b" + 100)\r"
    if shell == "fish":
        # This shell draws a menu; one of its commands lists the entries.
        os.write(terminal, f"complete -C '{line}'; ".encode() + end)
    else:
        # Ctrl-U clears the line, whatever the completion did to it.
        os.write(terminal, line.encode() + b"\t\t\x15" + end)
    text = until(b"end-" + str(number + 100).encode()).decode(errors="replace")
    ready()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07", "", text)
    print(f"--- {line}\n{text}")
