"""Runs the container image once and checks it. scripts/image runs this.

    check_image.py IMAGE REVISION -- ENGINE [OPTION...]

Prints a line for each check, and exits with 1 after the first that fails. The container is removed in any case.
"""

import base64
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANIFEST = (ROOT / "Cargo.toml").read_text()
PICTURE = ROOT / "tests/pictures/chelsea.png"
LABEL = "Egyptian_cat"
USER = 65532
# "Memory of a pod" in scripts/deploy/README.md: what one worker may take.
WORKERS, MEBIBYTES = 1, 960
RUN = [
    "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
    "--memory", f"{MEBIBYTES}m", "--env", f"WORKERS={WORKERS}", "--publish", "127.0.0.1::8080",
    # podman's own limits are higher than root may set where the system has taken CAP_SYS_RESOURCE away.
    "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024",
    # podman's timer for it is systemd's. The check is run by hand below.
    "--no-healthcheck",
]  # fmt: skip


class Fault(Exception):
    """A sentence that says what is wrong."""


class Engine:
    def __init__(self, command):
        self.command = command

    def __call__(self, *arguments):
        """Runs the engine and returns what it prints."""
        result = subprocess.run([*self.command, *arguments], capture_output=True, text=True)
        if result.returncode:
            raise Fault(f"{self.command[0]} {arguments[0]}: {result.stderr.strip() or result.returncode}")
        return result.stdout.strip()

    def inspect(self, kind, name):
        return json.loads(self("inspect", "--type", kind, name))[0]


def passes(name, scope):
    print(f"passes  {name:<12} {scope}", flush=True)


def expect(what, found, wanted):
    if found != wanted:
        raise Fault(f"{what} is {found!r}, and should be {wanted!r}.")


def field(name):
    """A field of Cargo.toml's [package]."""
    return re.search(rf'^{name} = "(.*)"$', MANIFEST, re.M)[1]


def check_labels(image, revision):
    labels = image["Config"].get("Labels") or {}
    wanted = {
        "title": field("name"),
        "description": field("description"),
        "licenses": field("license"),
        "version": field("version"),
    }
    if revision:
        wanted["revision"] = revision
    for name, value in wanted.items():
        expect(f"The label {name}", labels.get(f"org.opencontainers.image.{name}"), value)
    created = labels.get("org.opencontainers.image.created", "")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", created):
        raise Fault(f"The label created is {created!r}, and should be a time.")
    expect("The user", image["Config"].get("User"), f"{USER}:{USER}")
    # Docker has it in Config, podman beside it.
    check = image.get("Healthcheck") or image["Config"].get("Healthcheck") or {}
    expect("The health check", check.get("Test"), ["CMD", "/glimpse", "health"])
    passes("labels", f"version {wanted['version']}, revision {revision[:12] or 'unknown'}{'-dirty' * ('-dirty' in revision)}")


def ask(url, body=None):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def find_address(engine, container):
    try:
        return engine("port", container, "8080/tcp").splitlines()[0]
    except (Fault, IndexError):
        code = engine.inspect("container", container)["State"]["ExitCode"]
        raise Fault(f"The container ended at once, with exit code {code}; its log is above.") from None


def wait_until_ready(engine, container, address):
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        try:
            ask(f"http://{address}/readyz")
        except (urllib.error.URLError, OSError):
            if engine.inspect("container", container)["State"]["Status"] not in ("created", "running"):
                break
            time.sleep(0.05)
        else:
            passes("start", f"ready after {time.monotonic() - begin:.1f} s")
            return
    raise Fault("The server in the container does not get ready; its log is above.")


def check_answer(address):
    body = json.dumps({"base64Image": base64.b64encode(PICTURE.read_bytes()).decode()}).encode()
    labels = json.loads(ask(f"http://{address}/api/v1/analyze", body))
    expect(f"The first label of {PICTURE.name}", labels[0]["label"], LABEL)
    passes("picture", f"{PICTURE.name} is {LABEL}")


def check_commands(engine, container):
    expect("The version", engine("exec", container, "/glimpse", "--version"), f"glimpse {field('version')}")
    engine("exec", container, "/glimpse", "health")
    passes("commands", "--version, health")


def check_process(engine, container):
    """Reads from the kernel what the process may do. Where containers run in a virtual machine, it is not there."""
    state = engine.inspect("container", container)
    process = pathlib.Path(f"/proc/{state['State']['Pid']}")
    expect("The limit on the memory", state["HostConfig"]["Memory"], MEBIBYTES << 20)
    if not process.exists() or b"/glimpse" not in (process / "cmdline").read_bytes():
        passes("process", f"{MEBIBYTES} MiB; the rest can't be seen from here")
        return
    status = dict(re.findall(r"^(\w+):\s*(.*)$", (process / "status").read_text(), re.M))
    uid = int(status["Uid"].split()[1])
    for inside, outside, count in (map(int, line.split()) for line in (process / "uid_map").read_text().splitlines()):
        if outside <= uid < outside + count:
            uid += inside - outside
            break
    expect("The user of the process", uid, USER)
    for name in ("CapPrm", "CapEff", "CapBnd"):
        expect(f"{name} of the process", int(status[name], 16), 0)
    expect("NoNewPrivs of the process", status["NoNewPrivs"], "1")
    mount = next(line.split() for line in (process / "mountinfo").read_text().splitlines() if line.split()[4] == "/")
    expect("The root of the file system", mount[5].split(",")[0], "ro")
    passes("process", f"user {uid}, no capabilities, no new privileges, read-only, {MEBIBYTES} MiB")


def check_sbom(engine, container):
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, name in (("cargo", "glimpse"), ("npm", "glimpse-web")):
            file = f"glimpse.{kind}.cdx.json"
            engine("cp", f"{container}:/sbom/{file}", folder)
            document = json.loads((pathlib.Path(folder) / file).read_text())
            expect(f"bomFormat of /sbom/{file}", document.get("bomFormat"), "CycloneDX")
            subject = document["metadata"]["component"]
            expect(f"The subject of /sbom/{file}", (subject["name"], subject["version"]), (name, field("version")))
            if not document["components"]:
                raise Fault(f"/sbom/{file} lists nothing.")
            counts.append(f"{len(document['components'])} of {kind}")
    passes("sbom", f"components: {', '.join(counts)}")


def moment(text):
    """The engine's time, which has nanoseconds, as seconds."""
    date, fraction, zone = re.fullmatch(r"([\dT:-]+?)(\.\d+)?(Z|[+-]\d\d:\d\d)", text).groups()
    return datetime.datetime.fromisoformat(date + zone.replace("Z", "+00:00")).timestamp() + float(fraction or 0)


def check_stop(engine, container):
    begin = time.time()
    engine("kill", "--signal", "TERM", container)
    code = int(engine("wait", container).split()[-1])
    took = moment(engine.inspect("container", container)["State"]["FinishedAt"]) - begin
    expect("The exit code after SIGTERM", code, 0)
    if took > 1:
        raise Fault(f"The container took {took:.1f} s to stop, and should take at most 1 s.")
    passes("stop", f"exit code 0 after {max(took, 0):.2f} s")


def check(engine, image, revision):
    check_labels(engine.inspect("image", image), revision)
    container = engine("run", "--detach", *RUN, image).splitlines()[-1]
    try:
        address = find_address(engine, container)
        wait_until_ready(engine, container, address)
        check_answer(address)
        check_commands(engine, container)
        check_process(engine, container)
        check_sbom(engine, container)
        check_stop(engine, container)
    except BaseException:
        subprocess.run([*engine.command, "logs", container], check=False)
        raise
    finally:
        engine("rm", "--force", container)


def main():
    image, revision, _, *command = sys.argv[1:]
    engine = Engine(command)
    try:
        check(engine, image, revision)
    except (Fault, OSError, ValueError, LookupError) as error:
        sys.exit(f"FAILS   {error if isinstance(error, Fault) else f'{type(error).__name__}: {error}'}")
    size = engine.inspect("image", image)["Size"]
    root = engine("info", "--format", "{{.DockerRootDir}}" if command[0] == "docker" else "{{.Store.GraphRoot}}")
    print(f"{image} has {size / 1e6:.0f} MB and is in {root}")


if __name__ == "__main__":
    main()
