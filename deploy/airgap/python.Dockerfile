# python:3.11-slim-bookworm, as far as our images rely on it, from Debian's packages.
FROM debian:bookworm-slim
COPY deploy/airgap/pip.conf /etc/pip.conf
# An installer that can be taken away again, as the official image has it, and not Debian's own, which cannot.
RUN apt-get update -qq \
    && apt-get install -qq --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3.11/EXTERNALLY-MANAGED \
    && ln -s /usr/bin/python3 /usr/local/bin/python \
    && python -m venv /tmp/venv \
    && /tmp/venv/bin/python -m pip --python /usr/bin/python3 install --quiet --no-index \
        --find-links /usr/share/python-wheels --root-user-action ignore pip \
    && rm -rf /tmp/venv
ENV LANG=C.UTF-8 PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["python3"]
