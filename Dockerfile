# Four static programs on an empty image: no shell, no package manager, nothing to patch but
# them. Beijing's time zone is a fixed +08:00 in the programs, so no time zone data is needed.

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS TARGETARCH
# Another module proxy, where the default one cannot be reached: --build-arg GOPROXY.
ARG GOPROXY
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X fahuo/internal/version.version=$VERSION" -o /out/bin/ \
    ./cmd/worker ./cmd/enqueue ./cmd/desk ./cmd/simulator
# The ledger's folder, that of the desk's users and that of the API's tokens. A named volume mounted there for the first
# time takes its owner from here.
RUN mkdir -p /out/data /out/desk /out/api

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="fahuo" \
      org.opencontainers.image.description="Confirms shipments with Alipay, one call per account at a time, at the pace it asks for" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
# Without these no certificate of Alipay's gateway can be verified (I1).
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/desk /desk
COPY --from=build --chown=65532:65532 /out/api /api
# Numbers, because an empty image has no user names. Files with keys must be readable for this one.
USER 65532:65532
WORKDIR /data
ENV PATH=/usr/local/bin \
    DATABASE_URL=sqlite:/data/fahuo.db \
    FAHUO_LISTEN=0.0.0.0:9464 \
    FAHUO_DESK_USERS=/desk/users.yaml \
    FAHUO_API_TOKENS=/api/tokens.yaml
VOLUME /data
# Health, readiness and metrics. They have no password: publish the port on loopback only.
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=15s --retries=3 CMD ["worker", "healthcheck"]
ENTRYPOINT ["worker"]
CMD ["run"]
