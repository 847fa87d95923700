# prom/prometheus, as far as our files rely on it, from Debian's package.
FROM debian:bookworm-slim
RUN apt-get update -qq \
    && apt-get install -qq --no-install-recommends busybox prometheus \
    && rm -rf /var/lib/apt/lists/* /var/lib/prometheus /etc/prometheus/prometheus.yml \
    && ln -s /bin/busybox /usr/local/bin/wget \
    && install -d -o 65534 -g 65534 /prometheus
USER 65534:65534
EXPOSE 9090
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
