"""Would the image build? Without a container engine, which not every machine has that runs the gate.

usage: context.py BINARY    BINARY: a bearergate that was built here

Replays the stage that builds: what COPY takes must be in the context that .dockerignore leaves, and the
sources are checked where they end up. Of the final stage: what it takes is what was made, and the binary
at hand needs no library that its base has not, and knows the commands that are run.
"""

import fnmatch
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What gcr.io/distroless/base-nossl-debian12 has.
LIBRARIES = {"linux-vdso", "libc", "libm", "libdl", "librt", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}


def main(binary):
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        context = pathlib.Path(folder, "context")
        make_context(context)
        built = build(context, pathlib.Path(folder, "build"), problems)
    final(built, pathlib.Path(binary).resolve(), problems)
    for problem in problems:
        print(f"the image would not build or run: {problem}")
    print("image: " + (f"{len(problems)} problems" if problems else "its context is whole, and the binary fits its base"))
    return 1 if problems else 0


def make_context(context):
    """What .dockerignore leaves of what git knows; the last pattern that fits decides."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    known = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    for name in known.stdout.splitlines():
        left_out = False
        for pattern in patterns:
            bare = pattern.removeprefix("!").rstrip("/")
            places = [name, *map(str, pathlib.PurePath(name).parents)]
            if any(fnmatch.fnmatch(place, bare) for place in places):
                left_out = not pattern.startswith("!")
        if not left_out and (ROOT / name).is_file():
            target = context / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def instructions():
    """The Dockerfile's, each in one line."""
    text = (ROOT / "Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line.strip()]


def build(context, place, problems):
    """What every stage but the last copies, compiled; where the program would be."""
    place.mkdir()
    stages = [at for at, (word, _) in enumerate(instructions()) if word == "FROM"]
    built = set()
    for word, rest in instructions()[: stages[-1]]:
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                copy(context / source, place, target, len(sources), problems)
        elif word == "RUN" and "install -D" in rest:
            target, *files = re.search(r"install -D --target-directory (\S+) ([^&]+)", rest).group(1, 2)
            built = {f"{target}/{pathlib.PurePath(file).name}" for file in " ".join(files).split()}
    # Of what the manifest names, a build must find all.
    manifest = (place / "Cargo.toml").read_text()
    for bench in re.findall(r'^\[\[bench\]\]\nname = "(\w+)"', manifest, re.MULTILINE):
        if not (place / f"benches/{bench}/main.rs").is_file():
            problems.append(f"the manifest names the bench {bench}, and it is not copied")
    check = ["cargo", "check", "--quiet", "--locked", "--bin", "bearergate", "--target-dir", str(ROOT / "target")]
    if not problems and subprocess.run(check, cwd=place).returncode:
        problems.append("the sources of the context do not compile")
    return built


def copy(source, place, target, of, problems):
    if not source.exists():
        problems.append(f"COPY: {source.name} is not in the context")
    elif source.is_dir():
        shutil.copytree(source, place / target, dirs_exist_ok=True)
    else:
        to = place / target / source.name if of > 1 else place / target
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, to)


def final(built, binary, problems):
    """The last stage, with the binary at hand."""
    at = max(at for at, (word, _) in enumerate(instructions()) if word == "FROM")
    stage = instructions()[at:]
    of = {word: rest for word, rest in stage}
    installed, libraries = None, set()
    for word, rest in stage:
        if word == "COPY":
            taken, target = rest.split()[1:]
            if taken not in built:
                problems.append(f"COPY: {taken} is none of what was built, {sorted(built)}")
            if ".so" in target:
                libraries.add(pathlib.PurePath(target).name.split(".so")[0])
            else:
                installed = target
    if shlex.split(of["ENTRYPOINT"].strip("[]").replace(",", " ")) != [installed]:
        problems.append(f"ENTRYPOINT is not {installed}")
    health = re.search(r"CMD (\[.*\])", of["HEALTHCHECK"])
    command = re.findall(r'"([^"]*)"', health.group(1)) if health else []
    if command[:1] != [installed] or subprocess.run([binary, command[1], "--help"], stdout=subprocess.DEVNULL).returncode:
        problems.append(f"HEALTHCHECK {command}")
    user = of["USER"].split(":")[0]
    chart = [file.read_text() for file in (ROOT / "charts/bearergate").rglob("*") if file.suffix in (".yaml", ".tpl")]
    if not any(f"runAsUser: {user}" in text for text in chart):
        problems.append(f"USER {user} is not the chart's")
    needed = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, text=True).stdout
    names = {pathlib.PurePath(line.split()[0]).name.split(".so")[0] for line in needed.splitlines() if line.strip()}
    for name in sorted(names - LIBRARIES - libraries - {"statically", "not"}):
        problems.append(f"the base has no {name}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
