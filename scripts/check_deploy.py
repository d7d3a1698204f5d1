"""Checks the Helm chart, the manifests that are made from it and those for KServe. scripts/check_deploy runs it.

    check_deploy.py [--write]     --write makes scripts/deploy/kubernetes/base/glimpse.yaml anew first

Prints a line for each check, below the faults that it has found, and exits with 1 if there are any.
"""

import contextlib
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import helm_python
import jsonschema
import kubernetes_validate
import kubernetes_validate.utils
import yaml
from helm_python import chart as helm

import check_deploy_rules as rules

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "scripts/deploy"
CHART = DEPLOY / "chart"
KUSTOMIZED = [DEPLOY / "kubernetes/base", DEPLOY / "kubernetes/overlays/example"]
GENERATED = DEPLOY / "kubernetes/base/glimpse.yaml"
EXCEPTIONS = DEPLOY / "checkov.yaml"
NODE = ROOT / ".tools/deploy/node"
BIN = pathlib.Path(sys.executable).parent
VERSIONS = list(dict.fromkeys(kubernetes_validate.utils.all_versions()))[-3:]
SCHEMAS = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"

# Each manifest is held against the same files.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

failed = []


@contextlib.contextmanager
def check(name):
    """Runs a check, which adds its faults to a list and its scope to another, and prints its line."""
    faults, scope, begin = [], [], time.monotonic()
    try:
        yield faults, scope
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # A manifest of another shape than the rules know; the schemas' checks say more.
        faults.append(f"a manifest can't be judged: {type(error).__name__}: {error}")
    for fault in faults:
        print(f"        {fault}")
    if faults:
        failed.append(name)
    scope.append(f"{time.monotonic() - begin:.0f} s")
    print(f"{'FAILS ' if faults else 'passes'}  {name:<28} {', '.join(scope)}", flush=True)


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def render(chart, values, name="glimpse", namespace="glimpse"):
    """The text of the manifests that the chart makes."""
    files = chart.render(values, name=name, namespace=namespace)
    return "---\n".join(
        text.strip() + "\n" for file, text in sorted(files.items()) if text.strip() and not file.endswith("NOTES.txt")
    )


def generated(chart):
    """The text of GENERATED: the chart with its own values, without the labels that only Helm's releases have."""
    lines = render(chart, {}).splitlines(keepends=True)
    lines = [line for line in lines if not re.match(r" *(helm\.sh/chart|app\.kubernetes\.io/managed-by): ", line)]
    return "# Written by scripts/check_deploy --write from the chart: change that.\n" + "".join(lines)


def leaves(schema, path=()):
    """The values that a schema knows, and whether it refuses others, as (path, closed)."""
    if "properties" in schema:
        yield path, schema.get("additionalProperties") is False
        for name, inner in schema["properties"].items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, True


def paths(values, known, path=()):
    yield path
    if isinstance(values, dict) and path not in known:
        for name, inner in values.items():
            yield from paths(inner, known, (*path, name))


def check_values(chart, options):
    """values.yaml, values.schema.json and the options know the same values."""
    schema, values = chart.schema, yaml.safe_load((CHART / "values.yaml").read_text())
    with check("schema of the values") as (faults, scope):
        jsonschema.Draft202012Validator.check_schema(schema)
        tree = dict(leaves(schema))
        ends = set(tree) - {path[:-1] for path in tree}
        opened = [".".join(path) or "the top" for path, closed in tree.items() if not closed]
        faults += [f"{path} lets unknown values in" for path in opened]
        there = set(paths(values, ends))
        tried = {path for option in options.values() for path in paths(option["values"], ends)}
        for path in sorted(ends):
            name = ".".join(path)
            if path not in there and path != ("global",):
                faults.append(f"{name} is not in values.yaml")
            if path not in tried:
                faults.append(f"{name} is set by no option of check_deploy_options.yaml")
        faults += [f"{'.'.join(path)} is not in the schema" for path in sorted(there - set(tree))]
        version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        if chart.metadata["appVersion"] != version:
            faults.append(f"appVersion is {chart.metadata['appVersion']}, and Cargo.toml has {version}")
        scope.append(f"{len(ends)} values")


def check_refusals(chart, refused):
    with check("values that are refused") as (faults, scope):
        for case in refused:
            try:
                chart.validate_schema(case["values"])
                chart.render(case["values"], name="glimpse", namespace="glimpse")
            except helm_python.HelmError as error:
                if case["message"] not in str(error):
                    faults.append(f"{case['values']} is refused without {case['message']!r}: {error}")
            else:
                faults.append(f"{case['values']} is accepted")
        scope.append(f"{len(refused)} cases")


def check_render(chart, options):
    """The manifests of each option."""
    rendered = {}
    with check("Helm lint and render") as (faults, scope):
        for name, option in options.items():
            try:
                report = helm.lint(CHART, option["values"], strict=True, namespace="glimpse")
                chart.validate_schema(option["values"])
                manifests = documents(render(chart, option["values"]))
            except (helm_python.HelmError, yaml.YAMLError) as error:
                faults.append(f"{name}: {error}")
                continue
            # Helm recommends an icon; the site has the only one.
            messages = [it["error"] for it in report["messages"] if it["error"] != "icon is recommended"]
            faults += [f"{name}: {message}" for message in messages + report["errors"]]
            kinds = sorted(manifest["kind"] for manifest in manifests)
            if kinds != sorted(option["kinds"]):
                faults.append(f"{name}: the kinds are {', '.join(kinds)}")
            rendered[name] = manifests
        scope.append(f"{len(options)} options")
    return rendered


def check_generated(text):
    with check("kustomize") as (faults, scope):
        built = {}
        if not GENERATED.exists() or GENERATED.read_text() != text:
            file = GENERATED.relative_to(ROOT)
            faults.append(f"{file} is not what the chart makes: run scripts/check_deploy --write")
        for folder in KUSTOMIZED:
            name = str(folder.relative_to(DEPLOY / "kubernetes"))
            result = run(BIN / "kubectl", "kustomize", folder)
            # Warnings, too: kustomize warns of deprecated fields of its own.
            if result.returncode or result.stderr:
                faults.append(f"{name}: {result.stderr.strip()}")
            built[name] = documents(result.stdout)
            scope.append(name)
            for manifest in built[name]:
                if manifest["kind"] != "Namespace" and manifest["metadata"].get("namespace") != "glimpse":
                    faults.append(f"{name}: {rules.named(manifest)} is not in the namespace")
    return {name: manifests for name, manifests in built.items() if manifests}


def split(manifests):
    """The manifests that Kubernetes defines, and the others."""
    folder = SCHEMAS / f"v{VERSIONS[-1]}-local-strict"
    own = []
    for manifest in manifests:
        version = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", manifest["apiVersion"])
        if (folder / f"{manifest['kind'].lower()}-{version}.json").exists():
            own.append(manifest)
    return own, [manifest for manifest in manifests if manifest not in own]


def check_schemas(sets):
    with check("kubernetes-validate --strict") as (faults, scope):
        own = {name: split(manifests)[0] for name, manifests in sets.items()}
        for version, name in itertools.product(VERSIONS, own):
            for manifest in own[name]:
                try:
                    kubernetes_validate.validate(manifest, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    path = ".".join(str(part) for part in error.path)
                    faults.append(f"{name}, {version}: {rules.named(manifest)}: {path}: {error.message}")
                except kubernetes_validate.SchemaNotFoundError as error:
                    faults.append(f"{name}: {error.message}")
        scope += [f"{sum(map(len, own.values()))} manifests", *VERSIONS]
    with check("schemas of other makers") as (faults, scope):
        others = [manifest for manifests in sets.values() for manifest in split(manifests)[1]]
        result = run("node", ROOT / "scripts/check_deploy.mjs", NODE, input=json.dumps(others))
        faults += result.stdout.splitlines()
        if result.returncode:
            faults.append(result.stderr.strip())
        scope += [f"{len(others)} manifests", *sorted({manifest["kind"] for manifest in others})]
    with check("deprecated fields") as (faults, scope):
        folder = SCHEMAS / f"v{VERSIONS[-1]}-local-strict"
        for name, manifests in sets.items():
            faults += [f"{name}: {fault}" for fault in rules.deprecated(manifests, folder)]
        scope.append(VERSIONS[-1])


def check_rules(sets):
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.M))
    known.add("OTEL_EXPORTER_OTLP_ENDPOINT")
    for name, rule in {
        "Pod Security restricted": rules.restricted,
        "shutdown within the grace": rules.drain,
        "memory within the limit": rules.memory,
        "probes": rules.probes,
        "options of the server": lambda manifests: rules.options(manifests, known),
        "labels, ports and names": rules.references,
    }.items():
        with check(name) as (faults, scope):
            for option, manifests in sets.items():
                faults += [f"{option}: {fault}" for fault in rule(manifests)]
            scope.append(f"{len(sets)} sets")


def check_checkov(sets):
    with check("checkov") as (faults, scope), tempfile.TemporaryDirectory() as folder:
        for name, manifests in sets.items():
            path = pathlib.Path(folder) / f"{name.replace('/', '-')}.yaml"
            path.write_text(yaml.safe_dump_all(manifests))
        result = run(
            BIN / "checkov", "--framework", "kubernetes", "--skip-download", "--compact", "--quiet",
            "--output", "json", "--directory", folder, cwd=folder,
        )  # fmt: skip
        try:
            report = json.loads(result.stdout)
        except json.JSONDecodeError:
            faults.append(f"checkov can't be read: {result.stderr.strip()[-500:]}")
            return
        if report["summary"]["parsing_errors"] or report["summary"]["passed"] < 500:
            faults.append(f"checkov has not read all manifests: {report['summary']}")
        text = EXCEPTIONS.read_text()
        excepted = set(yaml.safe_load(text)["skip-check"])
        broken = {}
        for failure in report["results"]["failed_checks"]:
            where = f"{pathlib.Path(failure['file_path']).stem}, {failure['resource']}"
            broken.setdefault(failure["check_id"], f"{failure['check_id']}: {where}: {failure['check_name']}")
        faults += [sentence for rule, sentence in sorted(broken.items()) if rule not in excepted]
        for rule in sorted(excepted - set(broken)):
            faults.append(f"{rule} is excepted in checkov.yaml, and nothing breaks it")
        lines = text.splitlines()
        for above, line in zip(lines, lines[1:], strict=False):
            if re.match(r" *- CKV", line) and not re.match(r" *# \S", above):
                faults.append(f"{line.strip(' -')} is excepted in checkov.yaml without a reason above it")
        scope += [f"{report['summary']['passed']} passed", f"{len(excepted)} rules excepted"]


def check_kserve():
    """The fields of KServe's manifests, and the pod that KServe makes of each InferenceService."""
    packages = next((ROOT / ".tools/clients/lib").glob("python3*/site-packages"))
    models = rules.Models(packages)
    kinds = {"ServingRuntime": "V1alpha1ServingRuntime", "InferenceService": "V1beta1InferenceService"}
    manifests = documents(run(BIN / "kubectl", "kustomize", DEPLOY / "kserve").stdout)
    with check("KServe") as (faults, scope):
        runtimes = {it["metadata"]["name"]: it["spec"] for it in rules.of_kind(manifests, "ServingRuntime")}
        made = []
        for manifest in manifests:
            found = models.faults(manifest, kinds[manifest["kind"]])
            faults += [f"{rules.named(manifest)}: {fault}" for fault in found]
        for manifest in [] if faults else rules.of_kind(manifests, "InferenceService"):
            predictor = manifest["spec"]["predictor"]
            model, name = predictor["model"], rules.named(manifest)
            runtime = runtimes.get(model["runtime"])
            if runtime is None:
                faults.append(f"{name}: there is no runtime {model['runtime']}")
                continue
            if model["protocolVersion"] not in runtime["protocolVersions"]:
                faults.append(f"{name}: the runtime does not speak {model['protocolVersion']}")
            formats = {(it["name"], it["version"]) for it in runtime["supportedModelFormats"]}
            if (model["modelFormat"]["name"], model["modelFormat"]["version"]) not in formats:
                faults.append(f"{name}: the runtime does not know the format {model['modelFormat']}")
            mounted = any(argument.startswith("--model=/mnt/models/") for argument in model.get("args", []))
            if ("storageUri" in model) != mounted:
                faults.append(f"{name}: storageUri and --model=/mnt/models/... do not go together")
            made.append(
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": manifest["metadata"],
                    "spec": {
                        "containers": runtime["containers"],
                        "terminationGracePeriodSeconds": predictor.get("terminationGracePeriodSeconds", 30),
                    },
                }
            )
        for version in VERSIONS:
            for pod in made:
                try:
                    kubernetes_validate.validate(pod, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    faults.append(f"{version}: {rules.named(pod)}: {error.message}")
        for rule in (rules.restricted, rules.drain, rules.memory):
            faults += rule(made)
        scope += [f"{len(manifests)} manifests", f"{len(made)} pods"]
    return manifests


def check_server(chart, options, kserve):
    """The API server's own judgement. Nothing is created; warnings, such as those of deprecated fields, are faults."""
    kubectl = BIN / "kubectl"
    versions = run(kubectl, "api-versions", "--request-timeout=20s")
    with check("kubectl --dry-run=server") as (faults, scope):
        if versions.returncode:
            faults.append(f"The cluster of KUBECONFIG does not answer: {versions.stderr.strip().splitlines()[-1]}")
            return
        known, absent = set(versions.stdout.split()), set()
        namespace = os.environ.get("GLIMPSE_NAMESPACE", "default")
        sets = {name: documents(render(chart, it["values"], namespace=namespace)) for name, it in options.items()}
        sets["kserve"] = kserve
        sets["namespace"] = documents((KUSTOMIZED[0] / "namespace.yaml").read_text())
        for name, manifests in sets.items():
            absent |= {it["apiVersion"] for it in manifests if it["apiVersion"] not in known}
            manifests = [it for it in manifests if it["apiVersion"] in known]
            if not manifests:
                continue
            command = [kubectl, "apply", "--dry-run=server", "--namespace", namespace, "--filename", "-"]
            result = run(*command, input=yaml.safe_dump_all(manifests))
            # Objects that someone has made without kubectl apply are none of the check's business.
            lines = [line for line in result.stderr.splitlines() if "last-applied-configuration" not in line]
            if result.returncode or lines:
                faults += [f"{name}: {line}" for line in lines or ["kubectl fails without a message"]]
        scope += [f"{len(sets)} sets", f"namespace {namespace}"]
        scope += [f"skipped {version}, which the cluster lacks" for version in sorted(absent)]


def main():
    cases = yaml.safe_load((ROOT / "scripts/check_deploy_options.yaml").read_text())
    options = cases["options"]
    with helm_python.Chart.load(CHART) as chart:
        text = generated(chart)
        if "--write" in sys.argv[1:]:
            GENERATED.write_text(text)
            print(f"written {GENERATED.relative_to(ROOT)}")
        check_values(chart, options)
        check_refusals(chart, cases["refused"])
        sets = check_render(chart, options)
        sets |= check_generated(text)
        check_schemas(sets)
        check_rules(sets)
        check_checkov(sets)
        kserve = check_kserve()
        if os.environ.get("KUBECONFIG"):
            check_server(chart, options, kserve)
        else:
            print(f"skipped {'kubectl --dry-run=server':<28} KUBECONFIG names no cluster")
    if failed:
        sys.exit(f"Failing: {', '.join(failed)}. The lines above each say what is wrong.")


if __name__ == "__main__":
    try:
        main()
    except (helm_python.HelmError, yaml.YAMLError) as error:
        sys.exit(f"The chart or a manifest can't be read: {error}")
