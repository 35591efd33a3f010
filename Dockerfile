# A server of runs that are mounted at /runs: docker build -t palate . && docker run … palate serve /runs/NAME
FROM python:3.12-slim

RUN useradd --create-home --uid 10001 palate
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
# --build-arg PIP_EXTRA_INDEX_URL=… with the address of PyTorch's builds for the CPU saves gigabytes.
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir '.[serve,search]'

USER palate
VOLUME /runs
EXPOSE 8000
ENV PYTHONUNBUFFERED=1
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/v1/health')"]
ENTRYPOINT ["palate"]
CMD ["serve", "/runs/demo", "--host", "0.0.0.0"]
