"""Auth's web process stays below its limit of memory while every thread of it has hashed passwords."""

import os
import re
import subprocess
import sys

from deploy.local import homes

MALLOC = re.compile(r"\bMALLOC_\w+=\S+")
# As auth does it: two at once, of as many threads as a web process has, each of which works on other things between.
HASHING = """
import json, threading
import argon2, psutil
hasher, turn = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1), threading.Semaphore(2)

def work():
    for _ in range(6):
        with turn:
            hasher.hash("a quiet evening")
        json.loads(json.dumps([{"number": number} for number in range(2000)]))

before = psutil.Process().memory_info().rss
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print((psutil.Process().memory_info().rss - before) // 2**20)
"""


def grown(told):
    """Megabytes that a process has kept after it has hashed passwords, told that by its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | told
    line = [sys.executable, "-c", HASHING]
    return int(subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout)


def test_what_the_image_says_of_memory_lets_it_go_again():
    said = MALLOC.findall((homes.ROOT / "deploy" / "Dockerfile").read_text())

    assert grown(dict(one.split("=") for one in said)) < 40


def test_without_it_every_thread_would_keep_the_memory_of_a_hash():
    assert grown({}) > 100
