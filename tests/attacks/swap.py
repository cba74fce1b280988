"""Swaps files for links while devca runs, as long as standard input is open.

`swap.py file FOLDER TARGET` swaps temporary files in the folder for links to the target; `swap.py exchange PATH
TARGET` atomically exchanges the path with a link to the target and back. Prints "ready", and at the end how many links
it has created.
"""

import ctypes
import os
import sys
import threading

what, place, target = sys.argv[1:]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

CURRENT_FOLDER, EXCHANGE = -100, 2
libc = ctypes.CDLL(None, use_errno=True)
away = place + ".away"


def exchange():
    if libc.renameat2(CURRENT_FOLDER, place.encode(), CURRENT_FOLDER, away.encode(), EXCHANGE) == 0:
        return 1
    os.stat(place), os.lstat(away)  # whatever is not there is an error
    return 0


swaps = 0
if what == "exchange":
    os.symlink(target, away)
print("ready", flush=True)
while not ended.is_set():
    if what == "exchange":
        swaps += exchange()
        swaps += exchange()
        continue
    for name in os.listdir(place):
        if not name.startswith(".devca-"):
            continue
        path = os.path.join(place, name)
        try:
            os.unlink(path)
            os.symlink(target, path)
            swaps += 1
        except OSError:
            pass  # root was quicker
if what == "exchange":
    os.unlink(away)
    swaps //= 2
print(swaps)
