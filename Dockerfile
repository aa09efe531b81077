# The exact releases that were tested, for a user without privileges and a read-only file system.
# compose.yaml and deploy/ show how to run it.
FROM python:3.13-slim AS build
WORKDIR /build
COPY deploy/build.lock deploy/container.lock ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r build.lock
RUN python -m venv /opt/dashapp && /opt/dashapp/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r container.lock
COPY pyproject.toml hatch_build.py requirements.txt README.md LICENSE ./
COPY assets assets
COPY dashapp dashapp
RUN /opt/build/bin/python -m hatchling build --target wheel
RUN /opt/dashapp/bin/pip install --no-cache-dir --no-deps --no-index dist/*.whl && /opt/dashapp/bin/pip uninstall --quiet --yes pip

FROM python:3.13-slim
COPY --from=build /opt/dashapp /opt/dashapp
# The history is in the volume, and nothing else is written. A number, so that Kubernetes sees that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data dashapp && install -d -m 0700 -o 10001 -g 10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/opt/dashapp/bin:$PATH PORT=8050 DASHAPP_STORE=/data DASHAPP_HOST=0.0.0.0
EXPOSE 8050
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
# It starts with DASHAPP_PASSWORD, or with DASHAPP_PUBLIC=1 for a page without a login.
CMD ["dashapp"]
