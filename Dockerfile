# The service's image.
#
#   docker build -t tinhnguyen .
#       builds the binary, then the image.
#   docker build -t tinhnguyen --target prebuilt -f Dockerfile target/release
#       makes the same image of a binary that is there already; it must run on Debian 12's C library.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked -p tinhnguyen-server \
    && install -D target/release/tinhnguyen /out/tinhnguyen

FROM debian:bookworm-slim AS base
LABEL org.opencontainers.image.title="tinhnguyen" \
      org.opencontainers.image.description="REST service of the Youth Union's volunteer campaign: teams, results, progress" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# A user without a name, a home or a shell, and the one directory that it may write to.
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/tinhnguyen
ENV TINHNGUYEN_LISTEN=0.0.0.0:8080 \
    TINHNGUYEN_DATA_DIR=/var/lib/tinhnguyen \
    TINHNGUYEN_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/tinhnguyen
VOLUME /var/lib/tinhnguyen
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["tinhnguyen", "healthcheck"]
ENTRYPOINT ["tinhnguyen"]
CMD ["serve"]

FROM base AS prebuilt
COPY tinhnguyen /usr/local/bin/tinhnguyen

FROM base AS runtime
COPY --from=build /out/tinhnguyen /usr/local/bin/tinhnguyen
