FROM rust:1-slim AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin tollway

FROM debian:stable-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /data --uid 10001 tollway && install -d -o tollway -m 700 /data
COPY --from=build /src/target/release/tollway /usr/local/bin/tollway
USER tollway
VOLUME /data
# 3000: pages and API, to stand behind a proxy that speaks TLS; 9735: Lightning peers.
EXPOSE 3000 9735
ENV TOLLWAY__DATA_DIR=/data TOLLWAY__HTTP__LISTEN=0.0.0.0:3000 TOLLWAY__NODE__LISTEN=0.0.0.0:9735
HEALTHCHECK --start-period=30s CMD ["tollway", "dev", "call", "GET", "http://127.0.0.1:3000/api/v1/health"]
# The node needs up to 40 s to stop cleanly: docker stop -t 60.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tollway"]
CMD ["serve"]
