"""How long the demo takes: `python -m tests.benchmarks.demo`. Once from nothing, once from the finished run (aims on
2 cores: 60 s and 2 s), each in a process of its own, as a user calls it."""

import json
import os
import subprocess
import sys
import tempfile
import time

from tests.e2e.conftest import ROOT


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"SOURCESCOUT_HOME": home}
        figures = {"cores": os.cpu_count()}
        for name in ("from nothing, s", "second time, s"):
            began = time.perf_counter()
            command = [sys.executable, "-m", "core", "demo", "--json"]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
            figures[name] = round(time.perf_counter() - began, 2)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
