# syntax=docker/dockerfile:1
# Three stages: dependencies (cached until Cargo.lock changes), the program, and an image that
# holds it with the certificates of public authorities. No shell, no package manager, not root.

FROM docker.io/library/rust:1.95-bookworm AS dependencies
# zlib-ng wants cmake; OpenSSL wants perl, which the base image has.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Without rust-toolchain.toml: the base image's toolchain is the one it names.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/gateway benches/instructions benches/micro \
    && echo 'fn main() {}' >src/main.rs \
    && for bench in benches/*; do cp src/main.rs "$bench/main.rs"; done \
    && touch src/lib.rs \
    && cargo build --locked --release \
    && rm -r src benches

FROM dependencies AS program
COPY config config
COPY src src
COPY benches benches
# The dummies above are younger than the sources may be.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --locked --release \
    && ./target/release/bearergate version

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bearergate" \
      org.opencontainers.image.description="Authentication gateway for Microsoft Entra ID" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=program /build/target/release/bearergate /usr/local/bin/bearergate
# The vendored OpenSSL has no path of its own compiled in.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/bearergate", "probe", "http://127.0.0.1:9090/readyz"]
ENTRYPOINT ["/usr/local/bin/bearergate"]
