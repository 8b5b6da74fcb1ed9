# Compiled for the target's architecture by the builder's own: nothing here is emulated.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOMODCACHE=/go/pkg/mod GOCACHE=/cache/go-build
WORKDIR /src
# The same steps as in the other Dockerfile of this context, so the modules are downloaded once for both.
COPY go.mod go.sum ./
RUN go mod download
COPY cmd ./cmd
COPY internal ./internal
ARG TARGETOS TARGETARCH
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,id=sealift-go-build-$TARGETARCH,target=/cache/go-build,sharing=locked \
    GOOS=$TARGETOS GOARCH=$TARGETARCH go build -mod=readonly -trimpath -ldflags "-s -w -buildid=" \
      -o /out/app/ralph-wiggum ./cmd/ralph-wiggum && \
    chmod -R u=rwX,go=rX /out && find /out -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/ /
USER 1001:1001
EXPOSE 8080
ENTRYPOINT ["/app/ralph-wiggum"]
