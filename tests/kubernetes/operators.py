"""What the operators' resources may say: of their CustomResourceDefinitions the fields that are used here, no other.

kubernetes-validate knows only Kubernetes' own; what it does not know it lets pass. Written after CloudNativePG 1.30,
its Barman Cloud plugin 0.11, the RabbitMQ cluster operator 2.16, KEDA 2.17 and the Prometheus operator 0.80.
"""


def members(required=(), **fields):
    """An object of these fields; `required` of them have to be there."""
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def listed(item):
    return {"type": "array", "items": item, "minItems": 1}


def one_of(*words):
    return {"enum": list(words)}


TEXT, NUMBER, FLAG = {"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
QUANTITY = {"type": "string", "pattern": r"^\d+(\.\d+)?(m|Mi|Gi)?$"}
AMOUNTS = members(cpu=QUANTITY, memory=QUANTITY)
RESOURCES = members(("requests", "limits"), requests=AMOUNTS, limits=AMOUNTS)
NAMED = members(("name",), name=TEXT)
KEY = members(("name", "key"), name=TEXT, key=TEXT)
SELECTOR = members(
    matchLabels=TEXTS,
    matchExpressions=listed(
        members(
            ("key", "operator"),
            key=TEXT,
            operator=one_of("In", "NotIn", "Exists", "DoesNotExist"),
            values=listed(TEXT),
        )
    ),
)
SPREAD = members(
    ("maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"),
    maxSkew=NUMBER,
    topologyKey=TEXT,
    whenUnsatisfiable=one_of("DoNotSchedule", "ScheduleAnyway"),
    labelSelector=SELECTOR,
)
COMPRESSION = members(compression=one_of("gzip", "bzip2", "snappy", "lz4", "xz", "zstd"))
ENDPOINT = members(
    ("port",),
    port=TEXT,
    path=TEXT,
    interval=TEXT,
    relabelings=listed(members(targetLabel=TEXT, replacement=TEXT)),
)
RULE = members(("alert", "expr"), alert=TEXT, expr=TEXT, **{"for": TEXT}, labels=TEXTS, annotations=TEXTS)
RECORD = members(("record", "expr"), record=TEXT, expr=TEXT, labels=TEXTS)

SPECS = {
    ("postgresql.cnpg.io/v1", "Cluster"): members(
        ("imageName", "instances", "storage", "resources", "inheritedMetadata"),
        imageName=TEXT,
        instances=NUMBER,
        inheritedMetadata=members(("labels",), labels=TEXTS),
        storage=members(("size",), size=QUANTITY),
        resources=RESOURCES,
        postgresql=members(
            parameters=TEXTS,
            synchronous=members(
                ("method", "number"),
                method=one_of("any", "first"),
                number=NUMBER,
                dataDurability=one_of("required", "preferred"),
                failoverQuorum=FLAG,
            ),
        ),
        plugins=listed(members(("name",), name=TEXT, enabled=FLAG, isWALArchiver=FLAG, parameters=TEXTS)),
    ),
    ("postgresql.cnpg.io/v1", "ScheduledBackup"): members(
        ("cluster", "schedule"),
        cluster=NAMED,
        schedule={"type": "string", "pattern": r"^(\S+ ){5}\S+$"},
        immediate=FLAG,
        method=one_of("barmanObjectStore", "volumeSnapshot", "plugin"),
        pluginConfiguration=members(("name",), name=TEXT, parameters=TEXTS),
    ),
    ("barmancloud.cnpg.io/v1", "ObjectStore"): members(
        ("configuration",),
        retentionPolicy={"type": "string", "pattern": r"^[1-9]\d*[dwm]$"},
        configuration=members(
            ("destinationPath",),
            destinationPath=TEXT,
            endpointURL=TEXT,
            s3Credentials=members(accessKeyId=KEY, secretAccessKey=KEY),
            wal=COMPRESSION,
            data=COMPRESSION,
        ),
    ),
    ("rabbitmq.com/v1beta1", "RabbitmqCluster"): members(
        ("image", "replicas", "resources"),
        image=TEXT,
        replicas=NUMBER,
        persistence=members(storage=QUANTITY),
        resources=RESOURCES,
        rabbitmq=members(additionalConfig=TEXT),
        override=members(
            statefulSet=members(
                spec=members(
                    template=members(
                        spec=members(
                            ("containers",),
                            containers=listed(
                                members(
                                    ("name", "volumeMounts"),
                                    name=one_of("rabbitmq"),
                                    volumeMounts=listed(members(name=TEXT, mountPath=TEXT, readOnly=FLAG)),
                                )
                            ),
                            volumes=listed(
                                members(("name", "secret"), name=TEXT, secret=members(("secretName",), secretName=TEXT))
                            ),
                            topologySpreadConstraints=listed(SPREAD),
                        )
                    )
                )
            )
        ),
    ),
    ("keda.sh/v1alpha1", "ScaledObject"): members(
        ("scaleTargetRef", "triggers"),
        scaleTargetRef=NAMED,
        minReplicaCount=NUMBER,
        maxReplicaCount=NUMBER,
        cooldownPeriod=NUMBER,
        triggers=listed(
            members(
                ("type", "metadata"),
                type=one_of("rabbitmq"),
                authenticationRef=NAMED,
                metadata=members(
                    ("queueName", "mode", "value"),
                    protocol=one_of("amqp", "http"),
                    queueName=TEXT,
                    mode=one_of("QueueLength", "MessageRate"),
                    value={"type": "string", "pattern": r"^\d+$"},
                ),
            )
        ),
    ),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): members(
        ("secretTargetRef",),
        secretTargetRef=listed(
            members(("parameter", "name", "key"), parameter=one_of("host"), name=TEXT, key=TEXT),
        ),
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): members(
        ("selector", "podMetricsEndpoints"),
        selector=SELECTOR,
        podTargetLabels=listed(TEXT),
        podMetricsEndpoints=listed(ENDPOINT),
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): members(
        ("groups",),
        groups=listed(
            members(("name", "rules"), name=TEXT, interval=TEXT, rules=listed({"anyOf": [RULE, RECORD]})),
        ),
    ),
}
"""By apiVersion and kind: what stands under `spec`."""
