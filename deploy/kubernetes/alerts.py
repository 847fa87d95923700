"""`python -m deploy.kubernetes.alerts`: writes Prometheus's alerts once more, as the rule that its operator reads.

Word by word the same file, deeper by two spaces: there is one place where an alert is changed.
"""

import textwrap

from deploy.local import files, homes

ALERTS = homes.ROOT / "deploy" / "observability" / "prometheus" / "alerts.yml"
RULE = homes.ROOT / "deploy" / "kubernetes" / "base" / "monitoring" / "alerts.yaml"
_HEAD = """\
# Made of deploy/observability/prometheus/alerts.yml by `python -m deploy.kubernetes.alerts`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: market
spec:
"""


def text() -> str:
    """What RULE has to be."""
    return _HEAD + textwrap.indent(ALERTS.read_text(), "  ")


if __name__ == "__main__":
    files.write(RULE, text(), mode=0o644)
