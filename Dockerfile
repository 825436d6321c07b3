# syntax=docker/dockerfile:1
FROM python:3.13.9-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1
RUN python -m venv /opt/ledgerdesk
ENV PATH=/opt/ledgerdesk/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements.lock
COPY . .
RUN pip install --no-deps --no-build-isolation . && python -m compileall -q /opt/ledgerdesk

FROM python:3.13.9-slim-trixie
RUN useradd --system --uid 10001 --create-home ledgerdesk && install --directory --owner ledgerdesk /var/lib/ledgerdesk
COPY --from=build /opt/ledgerdesk /opt/ledgerdesk
ENV PATH=/opt/ledgerdesk/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LEDGERDESK_HOST=0.0.0.0
USER ledgerdesk
EXPOSE 8080
ENTRYPOINT ["ledgerdesk"]
CMD ["api"]
