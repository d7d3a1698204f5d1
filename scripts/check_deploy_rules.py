"""Rules for manifests. Each function takes a list of manifests and returns a list of sentences, one for each fault."""

import ast
import functools
import itertools
import json
import math
import re

MIB = 1 << 20


def named(manifest):
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def of_kind(manifests, *kinds):
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pods(manifests):
    """The manifests with a pod, and the pod's metadata and specification."""
    for manifest in of_kind(manifests, "Deployment"):
        template = manifest["spec"]["template"]
        yield manifest, template["metadata"], template["spec"]
    for manifest in of_kind(manifests, "Pod"):
        yield manifest, manifest["metadata"], manifest["spec"]


def variables(container):
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def size(text):
    """The bytes in a size, as Kubernetes or the server writes it."""
    number, unit = re.fullmatch(r"([0-9.]+) ?([a-z]*)", str(text).lower().removesuffix("b")).groups()
    base, steps = (1024, unit[:1]) if unit.endswith("i") else (1000, unit)
    return float(number) * base ** ["", "k", "m", "g", "t"].index(steps)


def cores(text):
    text = str(text)
    return math.ceil(float(text[:-1]) / 1000 if text.endswith("m") else float(text))


def restricted(manifests):
    """The Pod Security Standard "restricted", https://kubernetes.io/docs/concepts/security/pod-security-standards."""
    volumes = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}
    volumes |= {"persistentVolumeClaim"}
    faults = []
    for manifest, _, pod in pods(manifests):
        shared = pod.get("securityContext", {})
        broken = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
        broken += [f"volume {it['name']}" for it in pod.get("volumes", []) if not it.keys() - {"name"} <= volumes]
        for container in pod["containers"] + pod.get("initContainers", []):
            own = container.get("securityContext", {})
            context = shared | own
            capabilities = own.get("capabilities", {})
            rules = {
                "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
                "capabilities.drop": "ALL" in capabilities.get("drop", []),
                "capabilities.add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
                "privileged": not own.get("privileged"),
                "runAsNonRoot": context.get("runAsNonRoot") is True,
                "runAsUser": context.get("runAsUser") != 0,
                "seccompProfile": context.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
                "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
                # Not of the standard: the server writes no file.
                "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
            }
            broken += [rule for rule, holds in rules.items() if not holds]
        faults += [f"{named(manifest)}: {rule} is not allowed by Pod Security restricted" for rule in broken]
    return faults


def drain(manifests):
    """The pod is killed after its server has ended by itself."""
    faults = []
    for manifest, _, pod in pods(manifests):
        own = variables(pod["containers"][0])
        delay, timeout = (int(own[name].removesuffix("s")) for name in ("SHUTDOWN_DELAY", "SHUTDOWN_TIMEOUT"))
        grace = pod.get("terminationGracePeriodSeconds", 30)
        if delay + timeout >= grace:
            together = f"SHUTDOWN_DELAY and SHUTDOWN_TIMEOUT are {delay + timeout} s"
            faults.append(f"{named(manifest)}: {together}, and the pod is killed after {grace} s")
        probe = pod["containers"][0]["readinessProbe"]
        notice = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        if delay < notice:
            faults.append(f"{named(manifest)}: SHUTDOWN_DELAY is {delay} s, and readiness takes {notice} s to fail")
    return faults


def memory(manifests):
    """The limit fits the server's own, every body and a largest picture for each worker: see values.yaml."""
    faults = []
    for manifest, _, pod in pods(manifests):
        container = pod["containers"][0]
        resources, own = container["resources"], variables(container)
        # Without WORKERS the server takes the cores that it may use.
        cpu = resources["requests"]["cpu"] if "WORKERS" in own else resources["limits"]["cpu"]
        workers = int(own.get("WORKERS") or cores(cpu))
        picture, bodies = size(own.get("MAX_PICTURE_BYTES", "640MB")), size(own.get("MAX_INFLIGHT_BYTES", "128MiB"))
        least = 128 * MIB + bodies + workers * (picture + 32 * MIB)
        limit = resources["limits"]["memory"]
        if size(limit) < least:
            faults.append(f"{named(manifest)}: the memory limit is {limit}, less than {math.ceil(least / MIB)}Mi")
    return faults


def probes(manifests):
    wanted = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    return [
        f"{named(manifest)}: {probe} does not ask {path}"
        for manifest, _, pod in pods(manifests)
        for probe, path in wanted.items()
        if pod["containers"][0].get(probe, {}).get("httpGet", {}).get("path") != path
    ]


def options(manifests, known):
    """Every variable is an option of the server, and is set once."""
    faults = []
    for manifest, _, pod in pods(manifests):
        names = [entry["name"] for entry in pod["containers"][0].get("env", [])]
        faults += [f"{named(manifest)}: {name} is no option of the server" for name in names if name not in known]
        faults += [f"{named(manifest)}: {name} is set twice" for name in sorted(set(names)) if names.count(name) > 1]
    return faults


def references(manifests):
    """What one manifest says of another is there: labels, ports, names."""
    faults = []
    deployment = of_kind(manifests, "Deployment")[0]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    pod = deployment["spec"]["template"]["spec"]
    ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
    services = of_kind(manifests, "Service")

    def expect(holds, manifest, sentence):
        if not holds:
            faults.append(f"{named(manifest)}: {sentence}")

    def selects(selector, of=labels):
        return bool(selector) and selector.items() <= of.items()

    for manifest in manifests:
        spec = manifest.get("spec", {})
        match manifest["kind"]:
            case "Service":
                expect(selects(spec["selector"]), manifest, "the selector does not match the pods")
                for port in spec["ports"]:
                    expect(port["targetPort"] in ports, manifest, f"the pods have no port {port['targetPort']}")
            case "PodDisruptionBudget" | "Deployment":
                expect(selects(spec["selector"]["matchLabels"]), manifest, "the selector does not match the pods")
            case "NetworkPolicy":
                expect(selects(spec["podSelector"]["matchLabels"]), manifest, "the selector does not match the pods")
                for port in itertools.chain.from_iterable(rule["ports"] for rule in spec["ingress"]):
                    expect(port["port"] in ports, manifest, f"the pods have no port {port['port']}")
            case "HorizontalPodAutoscaler" | "ScaledObject":
                target = spec["scaleTargetRef"]
                expect(target["name"] == deployment["metadata"]["name"], manifest, f"there is no {target['name']}")
                expect("replicas" not in deployment["spec"], manifest, "the Deployment sets replicas as well")
                types = {trigger["type"] for trigger in spec.get("triggers", [])}
                expect("fallback" not in spec or "cpu" not in types, manifest, "KEDA allows no fallback beside cpu")
            case "ServiceMonitor":
                chosen = [it for it in services if selects(spec["selector"]["matchLabels"], it["metadata"]["labels"])]
                expect(len(chosen) == 1, manifest, f"{len(chosen)} Services match the selector, not one")
                names = {port["name"] for service in chosen for port in service["spec"]["ports"]}
                expect(all(it["port"] in names for it in spec["endpoints"]), manifest, "the Service has no such port")
            case "HTTPRoute" | "GRPCRoute":
                wanted = {"HTTPRoute": "http", "GRPCRoute": "kubernetes.io/h2c"}[manifest["kind"]]
                for backend in itertools.chain.from_iterable(rule["backendRefs"] for rule in spec["rules"]):
                    found = [
                        port
                        for service in services
                        if service["metadata"]["name"] == backend["name"]
                        for port in service["spec"]["ports"]
                        if port["port"] == backend["port"] and port["appProtocol"] == wanted
                    ]
                    expect(found, manifest, f"no Service {backend['name']} speaks {wanted} at port {backend['port']}")
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for mount in pod["containers"][0].get("volumeMounts", []):
        expect(mount["name"] in volumes, deployment, f"there is no volume {mount['name']}")
    made = {it["metadata"]["name"]: it for it in of_kind(manifests, "Secret")}
    for volume in pod.get("volumes", []):
        secret = made.get(volume.get("secret", {}).get("secretName"))
        for item in volume.get("secret", {}).get("items", []) if secret else []:
            expect(item["key"] in secret["data"], deployment, f"the secret has no {item['key']}")
    return faults


# Values that API servers warn of, and no schema tells.
DEPRECATED_VALUES = {("Service", "/spec/trafficDistribution", "PreferClose"): "use PreferSameZone"}
DEPRECATED_ANNOTATIONS = re.compile(
    r"^(seccomp\.security\.alpha\.kubernetes\.io/|container\.apparmor\.security\.beta\.kubernetes\.io/"
    r"|scheduler\.alpha\.kubernetes\.io/|service\.alpha\.kubernetes\.io/|service\.kubernetes\.io/topology-aware-hints"
    r"|service\.kubernetes\.io/topology-mode|kubernetes\.io/ingress\.class)"
)


def deprecated(manifests, folder):
    """Fields, values and annotations that Kubernetes calls deprecated. `folder` has its schemas."""
    faults = []
    for manifest in manifests:
        version = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", manifest["apiVersion"])
        file = folder / f"{manifest['kind'].lower()}-{version}.json"
        if not file.exists():
            continue
        for path, value, description in walk(manifest, load(file), folder, ""):
            if re.search(r"^Deprecated|\bDeprecated:", description):
                faults.append(f"{named(manifest)}: {path} is deprecated")
            better = DEPRECATED_VALUES.get((manifest["kind"], path, str(value)))
            if better:
                faults.append(f"{named(manifest)}: {path}: {value} is deprecated: {better}")
            if re.search(r"/metadata/annotations$", path):
                names = [name for name in value if DEPRECATED_ANNOTATIONS.match(name)]
                faults += [f"{named(manifest)}: the annotation {name} is deprecated" for name in names]
    return faults


@functools.cache
def load(file):
    return json.loads(file.read_text())


def walk(value, schema, folder, path):
    """Every field in a value: its path, its own value and its description."""
    while "$ref" in schema:
        schema = load(folder / "_definitions.json")["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, dict):
        for name, inner in value.items():
            field = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            field = field if isinstance(field, dict) else {}
            yield f"{path}/{name}", inner, field.get("description", "")
            yield from walk(inner, field, folder, f"{path}/{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, schema.get("items", {}), folder, path)


class Models:
    """The fields of KServe's manifests, read from the classes of its Python package without running them."""

    def __init__(self, packages):
        self.folders = [packages / "kserve/models", packages / "kubernetes/client/models"]

    @functools.cache
    def fields(self, name):
        """A field's type and whether it is required, by its name in a manifest."""
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
        file = next((it for folder in self.folders if (it := folder / f"{snake}.py").exists()), None)
        if file is None:
            return None
        text = file.read_text()
        tables = {}
        for statement in next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)).body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                if target.id in ("openapi_types", "attribute_map"):
                    tables[target.id] = ast.literal_eval(statement.value)
        required = set(re.findall(r"Invalid value for `(\w+)`, must not be `None`", text))
        names = tables["attribute_map"]
        return {names[key]: (kind, key in required) for key, kind in tables["openapi_types"].items()}

    def faults(self, value, kind, path=""):
        inner = re.fullmatch(r"[Ll]ist\[(.+)\]|[Dd]ict[(\[]str, (.+)[)\]]", kind)
        if inner and inner[1]:
            if not isinstance(value, list):
                return [f"{path} is not a list"]
            return [it for each in value for it in self.faults(each, inner[1], path)]
        if inner:
            if not isinstance(value, dict):
                return [f"{path} is not an object"]
            return [it for key, each in value.items() for it in self.faults(each, inner[2], f"{path}/{key}")]
        plain = {"str": str, "bool": bool, "int": int, "float": (int, float)}
        if kind in plain:
            fits = isinstance(value, plain[kind]) and (kind == "bool" or not isinstance(value, bool))
            return [] if fits else [f"{path} is not of type {kind}"]
        fields = self.fields(kind)
        if fields is None:
            return []
        if not isinstance(value, dict):
            return [f"{path} is not an object"]
        required = [name for name, (_, needed) in fields.items() if needed]
        faults = [f"{path}/{name} is missing" for name in required if name not in value]
        for name, each in value.items():
            if name not in fields:
                faults.append(f"{path}/{name} is unknown")
            else:
                faults += self.faults(each, fields[name][0], f"{path}/{name}")
        return faults
