# One image for each service: `--target gateway`, web, detector, segmenter, embedder or reader; `bulk` is the command line, a caller.
# `make images` builds all of them.
# For GPUs: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS requirements
WORKDIR /build
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
o = p['optional-dependencies']; \
print(*p['dependencies'], *o['services'], *o['otel'], *o['signed'], sep='\n', file=open('light.txt', 'w')); \
print(*o['local'], sep='\n', file=open('local.txt', 'w')); \
print(*o['torch'], sep='\n', file=open('torch.txt', 'w')); \
print(*o['read'], sep='\n', file=open('read.txt', 'w')); \
print(*o['erase'], sep='\n', file=open('erase.txt', 'w')); \
print(*o['web'], sep='\n', file=open('web.txt', 'w')); \
print(*p['dependencies'], *o['bulk'], sep='\n', file=open('bulk.txt', 'w'))"

# What the gateway needs.
FROM requirements AS light
RUN pip install -r light.txt -r erase.txt -c constraints.txt \
 && pip uninstall --yes setuptools pip

# What HTTP before the gateway needs.
FROM requirements AS http
RUN pip install -r light.txt -r web.txt -c constraints.txt \
 && pip uninstall --yes setuptools pip

# What the command line needs to call a gateway and an object store.
FROM requirements AS tables
RUN pip install -r bulk.txt -c constraints.txt \
 && pip uninstall --yes setuptools pip

# What the services of models need: ONNX Runtime, and on GPUs torch.
FROM requirements AS engines
# PyTorch's own index has the builds with one version of CUDA; pip takes them before PyPI's.
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}" -r torch.txt} -r light.txt -r local.txt -c constraints.txt \
 && pip uninstall --yes setuptools pip \
 && rm -rf /opt/venv/lib/python3.11/site-packages/torch/include /opt/venv/lib/python3.11/site-packages/torch/share

# What the reader needs: of rapidocr the files of its networks, and so nothing of what its code imports.
FROM requirements AS ocr
ARG TORCH_INDEX=
RUN pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}" -r torch.txt} -r light.txt -r local.txt -r read.txt \
    -c constraints.txt \
 && pip uninstall --yes opencv-python-headless pyclipper shapely omegaconf colorlog setuptools pip \
 && rm -rf /opt/venv/lib/python3.11/site-packages/torch/include /opt/venv/lib/python3.11/site-packages/torch/share

# What belongs to the project, without torch.
FROM light AS code
COPY stamp2vec stamp2vec
COPY services services
# Byte code is made here, since nothing can be written later.
RUN python -m compileall -q --invalidation-mode unchecked-hash stamp2vec services
# The models by task; no image is made of weights that are not those of their manifests.
COPY weights weights
COPY k8s/image_weights.py ./
# Whoever builds may have files that only they can read; those who run the image are others.
RUN python image_weights.py /weights \
 && chmod -R a+rX stamp2vec services /weights

FROM ${BASE} AS service
# `make images` gives both.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stamp2vec" \
      org.opencontainers.image.description="Finds ink stamps on pages, lifts their ink, turns them into vectors" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 stamp2vec \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin stamp2vec
WORKDIR /app
# /tmp is the only place that may be written to.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache
# Without TLS on every address of the container, whose ports nobody reaches until they are published: whoever does that
# also sets STAMP2VEC_TLS_CERT and STAMP2VEC_TLS_KEY, or has a mesh or a network policy that decides who connects.
ENV STAMP2VEC_HOST=0.0.0.0 \
    STAMP2VEC_INSECURE=true
USER 10001:10001

FROM service AS gateway
COPY --from=light /opt/venv /opt/venv
COPY --from=code /build/stamp2vec stamp2vec
COPY --from=code /build/services/*.py services/
COPY --from=code /build/services/runtime services/runtime
COPY --from=code /build/services/gateway services/gateway
COPY --from=code /weights/erase weights
EXPOSE 50050 9100
# The gateway is well, though not ready, without the services behind it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-m", "services.runtime.serving.probe", "127.0.0.1:50050", "liveness"]
ENTRYPOINT ["python", "-m", "services.gateway"]

FROM service AS web
COPY --from=http /opt/venv /opt/venv
COPY --from=code /build/stamp2vec stamp2vec
COPY --from=code /build/services/__init__.py /build/services/scopes.py services/
COPY --from=code /build/services/runtime services/runtime
COPY --from=code /build/services/web services/web
EXPOSE 8050 9104
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8050/healthz', timeout=3)"]
ENTRYPOINT ["python", "-m", "services.web"]

FROM service AS bulk
COPY --from=tables /opt/venv /opt/venv
COPY --from=code /build/stamp2vec stamp2vec
ENTRYPOINT ["python", "-m", "stamp2vec.cli"]

FROM service AS models
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=engines /opt/venv /opt/venv
COPY --from=code /build/stamp2vec stamp2vec
COPY --from=code /build/services/*.py services/
COPY --from=code /build/services/runtime services/runtime

FROM models AS detector
COPY --from=code /build/services/detector services/detector
COPY --from=code /weights/detect /weights/refine weights/
EXPOSE 50051 9101
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-m", "services.runtime.serving.probe", "127.0.0.1:50051"]
ENTRYPOINT ["python", "-m", "services.detector"]

FROM models AS segmenter
COPY --from=code /build/services/segmenter services/segmenter
COPY --from=code /weights/segment weights
EXPOSE 50052 9102
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-m", "services.runtime.serving.probe", "127.0.0.1:50052"]
ENTRYPOINT ["python", "-m", "services.segmenter"]

FROM models AS embedder
COPY --from=code /build/services/embedder services/embedder
COPY --from=code /weights/embed /weights/verify weights/
EXPOSE 50053 9103
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-m", "services.runtime.serving.probe", "127.0.0.1:50053"]
ENTRYPOINT ["python", "-m", "services.embedder"]

FROM service AS reader
USER 0:0
# Cyrillic and Arabic; what is missing is answered as text that was not read. The base image fixes Debian's
# release, whose versions change by security fixes alone.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    tesseract-ocr tesseract-ocr-ara tesseract-ocr-rus \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001
COPY --from=ocr /opt/venv /opt/venv
COPY --from=code /build/stamp2vec stamp2vec
COPY --from=code /build/services/*.py services/
COPY --from=code /build/services/runtime services/runtime
COPY --from=code /build/services/reader services/reader
COPY --from=code /weights/read weights
EXPOSE 50054 9105
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["python", "-m", "services.runtime.serving.probe", "127.0.0.1:50054"]
ENTRYPOINT ["python", "-m", "services.reader"]
