# Runs a program on a terminal and types answers: [ask|hidden PROMPT ANSWER]... -- PROGRAM ARGUMENT...
# Prints what the terminal shows, and exits like the program. A hidden answer is typed after the echo was turned off.
import os
import pty
import select
import signal
import sys
import termios

words = sys.argv[1:]
end = words.index("--")
answers = [words[at : at + 3] for at in range(0, end, 3)]
program = words[end + 1 :]

child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)
signal.alarm(60)  # nobody waits for ever


def shows(seconds=None):
    """Returns what the terminal shows next; None after the program has ended."""
    if not select.select([terminal], [], [], seconds)[0]:
        return b""
    try:
        return os.read(terminal, 4096) or None
    except OSError:
        return None


shown = b""
seen = 0
for kind, prompt, answer in answers:
    while prompt.encode() not in shown[seen:]:
        more = shows()
        if more is None:
            sys.exit(f"it ended without asking {prompt!r}: {shown.decode()}")
        shown += more
    seen = shown.index(prompt.encode(), seen) + len(prompt)
    while kind == "hidden" and termios.tcgetattr(terminal)[3] & termios.ECHO:
        shown += shows(0.01) or b""
    os.write(terminal, answer.encode() + b"\n")
while (more := shows()) is not None:
    shown += more
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
