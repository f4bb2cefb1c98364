"""Is each step of the workflows a recipe of the justfile, that anybody can run?

usage: workflows.py
What a `run` may say besides: how `just` itself gets there. Actions are pinned by a commit.
"""

import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
JUST = pathlib.Path(sys.executable).parent / "just"


def main():
    said = subprocess.run([JUST, "--summary", "--justfile", ROOT / "justfile"], check=True, capture_output=True, text=True)
    recipes, steps = set(said.stdout.split()), 0
    for file in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for name, job in yaml.safe_load(file.read_text())["jobs"].items():
            for step in job["steps"]:
                where = f"{file.name}, {name}: {step.get('run') or step['uses']}"
                if "uses" in step:
                    assert re.search(r"@[0-9a-f]{40}$", step["uses"]), f"{where}: not pinned by a commit"
                    continue
                steps += 1
                line = re.fullmatch(r'(?:sudo env (?:"\w+=\$\w+" )+)?just (\S+)( \S+)*|pipx install "\$JUST"', step["run"])
                assert line, f"{where}: no recipe, and no way to get just"
                assert line.group(1) is None or line.group(1) in recipes, f"{where}: there is no such recipe"
    assert steps
    print(f"workflows: {steps} steps, each a recipe")


main()
