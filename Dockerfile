# Exports the model, builds the site and the executable, lists what they are made of, and copies the executable and the
# lists to an image without a shell. `scripts/image` builds this, adds the labels that depend on the commit, and tries the
# image. By hand:
#
#   docker build -t glimpse .
#   docker run --rm -p 8080:8080 --read-only --cap-drop ALL glimpse

# The base of the image has the C library and libgcc for the executable, libstdc++ for ONNX Runtime, and no shell.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM docker.io/library/python:3.13-slim-bookworm AS model
WORKDIR /glimpse
# Copies only the export's inputs, so that a change of the server does not export the model again.
COPY scripts/requirements.txt scripts/
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r scripts/requirements.txt
COPY scripts/export scripts/export
COPY scripts/export_model.py scripts/
COPY models models
COPY tests/pictures tests/pictures
# Exit code 3: the weights of MobileNetV2 can't be downloaded. EfficientNet-Lite0 replaces it, as in scripts/setup.
RUN name=mobilenetv2; status=0; .venv/bin/python scripts/export_model.py || status=$?; \
    if [ "$status" = 3 ]; then name=efficientnet-lite0; .venv/bin/python scripts/export_model.py --model "$name"; \
    elif [ "$status" != 0 ]; then exit "$status"; fi; \
    ln -sfn "$name.onnx" models/model.onnx
RUN cp .venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* models/libonnxruntime.so

FROM docker.io/library/node:24-bookworm-slim AS site
WORKDIR /glimpse/web
ENV ASTRO_TELEMETRY_DISABLED=1
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
# The site uses the repository's sample pictures and licence.
COPY LICENSE /glimpse/
COPY tests/pictures /glimpse/tests/pictures
COPY web ./
RUN npm run build
COPY Cargo.toml /glimpse/
COPY scripts/common.sh scripts/sbom /glimpse/scripts/
RUN /glimpse/scripts/sbom npm /sbom

FROM docker.io/library/rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ make nasm && rm -rf /var/lib/apt/lists/*
WORKDIR /glimpse
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY benches benches
COPY --from=model /glimpse/models models
COPY --from=site /glimpse/web/dist web/dist
RUN cargo build --release --locked --features embed

# A stage of its own, so that compiling cargo-cyclonedx does not wait for the site or the executable.
FROM docker.io/library/rust:1.95-slim-bookworm AS sbom
WORKDIR /glimpse
COPY scripts/common.sh scripts/sbom scripts/
RUN scripts/sbom tool
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY benches benches
RUN scripts/sbom cargo /sbom

# Everything that the image adds to its base. `scripts/image --from-executable` replaces this stage by a folder.
FROM scratch AS files
COPY --from=build /glimpse/target/release/glimpse /glimpse
COPY --from=sbom /sbom /sbom
COPY --from=site /sbom /sbom

FROM ${BASE}
COPY --from=files /glimpse /glimpse
COPY --from=files /sbom /sbom
LABEL org.opencontainers.image.title="glimpse" \
      org.opencontainers.image.description="One executable that takes a photograph over HTTP and answers with its three most likely ImageNet labels" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV LOG_FORMAT=json
EXPOSE 8080
# A number, because Kubernetes can't tell from a name that a user is not root.
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/glimpse", "health"]
ENTRYPOINT ["/glimpse"]
