# syntax=docker/dockerfile:1
# Two stages: the program, and an image that holds it with the certificates of public authorities. No
# shell, no package manager, not root. `just image` builds it, for another platform with
# `just image --platform linux/arm64`, natively or by emulation.

# Pinned by the digest of the index that has all platforms. `scripts/image pin` writes the newest of the
# same tags here; the release notes of the tag's makers say what changed.
ARG RUST=docker.io/library/rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1
ARG BASE=gcr.io/distroless/base-nossl-debian12:nonroot@sha256:be40c00dfabd86576d92666e87e406714d5618342de1a0c213ad232de255172e

FROM ${RUST} AS program
# zlib-ng wants cmake; OpenSSL wants perl, which the base image has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake perl \
    && rm -rf /var/lib/apt/lists/*
# Writes the list of crates into the program, where scanners find it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --locked cargo-auditable@0.7.4
WORKDIR /build
# Without rust-toolchain.toml: the base image's toolchain is the one it names.
COPY Cargo.toml Cargo.lock ./
COPY config config
COPY docs/errors.md docs/errors.md
COPY benches benches
COPY src src
# The caches hold what was compiled before, of every platform in its own.
ARG TARGETARCH
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target,id=bearergate-target-${TARGETARCH} \
    cargo auditable build --locked --release --bin bearergate \
    && install -D --target-directory /out target/release/bearergate /lib/*-linux-gnu/libgcc_s.so.1 \
    && /out/bearergate version

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="bearergate" \
      org.opencontainers.image.description="Authentication gateway for Microsoft Entra ID" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# OpenSSL is in the program: the base has glibc, and lacks this one library beside it.
COPY --from=program /out/libgcc_s.so.1 /usr/lib/libgcc_s.so.1
COPY --from=program /out/bearergate /usr/local/bin/bearergate
# The vendored OpenSSL has no path of its own compiled in.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/bearergate", "probe", "http://127.0.0.1:9090/readyz"]
ENTRYPOINT ["/usr/local/bin/bearergate"]
