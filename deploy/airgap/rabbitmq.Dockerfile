# rabbitmq:3.10-management, as far as our files rely on it, from Debian's packages.
FROM debian:bookworm-slim
# The numbers are those of the official image, so that either can read what the other has written.
RUN groupadd --system --gid 999 rabbitmq \
    && useradd --system --uid 999 --gid rabbitmq --home-dir /var/lib/rabbitmq rabbitmq \
    && apt-get update -qq \
    && apt-get install -qq --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* /var/lib/rabbitmq/.erlang.cookie /etc/rabbitmq/rabbitmq-env.conf \
    && mkdir -p /etc/rabbitmq/conf.d /var/lib/rabbitmq \
    && echo '[rabbitmq_management,rabbitmq_prometheus].' >/etc/rabbitmq/enabled_plugins \
    && chown -R rabbitmq:rabbitmq /etc/rabbitmq /var/lib/rabbitmq /var/log/rabbitmq
COPY deploy/airgap/rabbitmq.sh /usr/local/bin/docker-entrypoint.sh
ENV LANG=C.UTF-8 HOME=/var/lib/rabbitmq RABBITMQ_LOGS=- \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/rabbitmq
EXPOSE 5672 15672 15692
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
