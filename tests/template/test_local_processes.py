"""The local stack's processes listen on loopback only, and none outlives its stack."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import boto3
import pytest

from devstack import processes, servers, toolchain
from devstack.info import ProcessRecord, new_access_key
from devstack.providers import Providers
from tests.support.paths import ROOT

PARENT_SCRIPT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""
"""A process with a child in another session, as a function on the local stack might start one."""


@pytest.fixture
def token() -> Iterator[str]:
    token = str(uuid.uuid4())
    yield token
    processes.end_processes([], token)


def marked(token: str) -> list[int]:
    mark = f"{processes.MARK}={token}".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                pids.append(int(path.parent.name))
        except OSError:
            continue
    return pids


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.05)
    return condition()


def start_parent(token: str, tmp_path: Path) -> ProcessRecord:
    leader = processes.start_process(
        "family", [sys.executable, "-c", PARENT_SCRIPT], environment=os.environ, token=token, log=tmp_path / "log"
    )
    assert eventually(lambda: len(marked(token)) == 2)
    return leader


def test_child_in_another_session_is_stopped_too(token: str, tmp_path: Path) -> None:
    leader = start_parent(token, tmp_path)
    assert processes.end_processes([leader], token)
    assert not marked(token)
    assert not processes.end_processes([leader], token)


def test_child_of_a_dead_parent_is_stopped_too(token: str, tmp_path: Path) -> None:
    leader = start_parent(token, tmp_path)
    os.kill(leader.pid, signal.SIGKILL)
    assert eventually(lambda: not processes.is_running(leader))
    assert processes.end_processes([leader], token)
    assert not marked(token)


def test_later_process_with_the_same_id_is_left_alone(token: str, tmp_path: Path) -> None:
    leader = start_parent(token, tmp_path)
    stale = leader.model_copy(update={"started": leader.started - 1})
    assert not processes.is_running(stale)
    assert not processes.end_processes([stale], "another stack's token")
    assert processes.is_running(leader)


def test_terminated_command_stops_its_children(token: str, tmp_path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from devstack import processes
from devstack.signals import termination_as_exit
with termination_as_exit():
    processes.run_process([sys.executable, "-c", "import time; time.sleep(600)"], environment=os.environ,
                  token={token!r}, log=Path({str(tmp_path / "log")!r}), cwd=Path("/"))
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=toolchain.ROOT) as command:
        assert eventually(lambda: len(marked(token)) == 1)
        command.send_signal(signal.SIGTERM)
        assert command.wait(10) == 128 + signal.SIGTERM
    assert not marked(token)


def listening(pids: list[int]) -> set[str]:
    """Return the addresses, in the kernel's hexadecimal form, on which processes listen."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                sockets.add(target.removeprefix("socket:[").removesuffix("]"))
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, state, inode = fields[1], fields[3], fields[9]
            if state == "0A" and inode in sockets:
                addresses.add(address.partition(":")[0])
    return addresses


BROWSER = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
)


def status_of(url: str, headers: dict[str, str], body: bytes | None = None) -> int:
    """Send a request as a page or a program of this machine can; return the status."""
    request = Request(url, body)
    for name, value in headers.items():
        request.add_header(name, value)
    try:
        with urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return int(error.code)


def signed_by(key: str) -> dict[str, str]:
    """A signature that anybody can make up."""
    scope = f"Credential={key}/20261128/us-east-1/lambda/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}


def refuses_pages_and_strangers(endpoint: str, key: str) -> None:
    """Anybody could create a function there that reads the developer's keys, and run it."""
    functions = f"{endpoint}/2015-03-31/functions/"
    code = json.dumps({"FunctionName": "evil", "Role": "arn:aws:iam::000000000000:role/r", "Handler": "a.b"}).encode()
    for headers in BROWSER:
        assert status_of(functions, signed_by(key) | headers, code) == 403
        assert status_of(f"{endpoint}/_aws/lambda-url/abc/", headers, code) == 403
    for stranger in ("test", "000000000000", "123456789012", ""):
        assert status_of(functions, signed_by(stranger), code) == 403
        assert status_of(f"{functions}?X-Amz-Credential={stranger}%2F20261128", {}, code) == 403
        assert status_of(f"{functions}?X-Amz-Credential={stranger}%2F20261128", signed_by(key), code) == 403
    assert status_of(functions, {}, code) == 403
    assert status_of(f"{endpoint}/_ministack/reset", {}, b"{}") == 403
    assert status_of(f"{endpoint}/_ministack/ready", {}) == 200
    assert status_of(f"{endpoint}/_aws/lambda-url/abc/", {"Sec-Fetch-Mode": "cors"}) == 404  # Node's fetch
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=key, region_name="us-east-1")
    assert session.client("lambda", endpoint_url=endpoint).list_functions()["Functions"] == []


def lets_pages_of_named_origins_call_their_function_url(endpoint: str, key: str) -> None:
    """The front door names them in its environment; a function that names none is called by none."""
    page, code = "https://app.example.com", io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("door.py", "def answer(event, context):\n    return {'statusCode': 204}\n")
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=key, region_name="us-east-1")
    functions = session.client("lambda", endpoint_url=endpoint)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = session.client("iam", endpoint_url=endpoint)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    urls = []
    for name, variables in (("door", {"FRONT_DOOR_ORIGINS": f"https://other.example.com, {page}"}), ("other", {})):
        functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="door.answer",
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables},
        )
        url = functions.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
        urls.append(f"{endpoint}/_aws/lambda-url/{urlsplit(url).netloc.partition('.')[0]}/v1")
    asks = {"Origin": page, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert [status_of(url, asks) for url in urls] == [204, 403]
    assert {status_of(urls[0], headers) for headers in BROWSER} == {403}


@pytest.mark.stack
def test_servers_listen_on_loopback_only_and_refuse_pages_and_strangers(token: str, tmp_path: Path) -> None:
    for name in ("tmp", "home"):
        (tmp_path / name).mkdir()
    environment = toolchain.runtime_environment(os.environ, tmp_path)
    fake_providers = servers.start_fake_providers(environment, token=token, state_dir=tmp_path)
    key = new_access_key()
    emulator, endpoint = servers.start_emulator(
        environment, region="us-east-1", access_key=key, token=token, state_dir=tmp_path
    )
    try:
        url = servers.await_fake_providers(fake_providers, tmp_path)
        servers.await_emulator(emulator, endpoint)
        refuses_pages_and_strangers(endpoint, key)
        lets_pages_of_named_origins_call_their_function_url(endpoint, key)
        assert status_of(f"{url}/_control/health", {}) == 200
        assert {status_of(f"{url}/_control/journal", headers) for headers in BROWSER} == {403}
        bare, _, key = url.rpartition("/")
        for guessed in ("", f"/{key[:-1]}", f"/{key}x", "/.", f"//{key}"):
            assert status_of(f"{bare}{guessed}/_control/journal", {}) == 403
        assert listening(marked(token)) == {"0100007F"}
    finally:
        assert processes.end_processes([emulator, fake_providers], token)
    assert not marked(token)


def test_stack_processes_see_no_key_and_reach_loopback_directly(tmp_path: Path) -> None:
    environ = {
        "PATH": "/bin",
        "GEMINI_API_KEY": "secret",
        "ANTHROPIC_API_KEY": "secret",
        "AWS_PROFILE": "production",
        "PYTHONPATH": "/elsewhere",
        "HTTPS_PROXY": "http://proxy",
        "NO_PROXY": "intranet",
    }
    environment = toolchain.runtime_environment(environ, tmp_path)
    assert "secret" not in environment.values()
    assert not {"AWS_PROFILE", "PYTHONPATH"} & environment.keys()
    assert environment["HTTPS_PROXY"] == "http://proxy"
    assert environment["NO_PROXY"].split(",") == ["intranet", "127.0.0.1", "localhost"]
    assert not {"GEMINI_API_KEY", "AWS_PROFILE", "PYTHONPATH"} & toolchain.build_environment(environ).keys()


@pytest.mark.parametrize(
    ("environ", "calls", "stand_in"),
    [
        ({}, "loopback", "true"),
        ({"GEMINI_API_KEY": "k"}, "live", "false"),
        ({"ANTHROPIC_API_KEY": "k"}, "live", "false"),
        ({"GEMINI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}, "live", "false"),
        (
            {
                "GEMINI_API_KEY": "k",
                "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1/gemini",
                "ANTHROPIC_API_KEY": "k",
                "ANTHROPIC_BASE_URL": "http://localhost:1/anthropic",
            },
            "loopback",
            "false",
        ),
    ],
)
def test_model_calls_leave_the_machine_only_with_a_key(environ: dict[str, str], calls: str, stand_in: str) -> None:
    providers = Providers.of(environ)
    parameters = providers.parameters("http://127.0.0.1:2")
    assert (parameters["ModelCalls"], parameters["StandIn"]) == (calls, stand_in)
    assert ("stand-in" in providers.keys().values()) == (stand_in == "true")
    if not environ:
        assert parameters["GeminiBaseUrl"] == "http://127.0.0.1:2/gemini"
    assert "k" not in parameters.values()


def test_stand_in_plays_beside_a_real_provider_only_when_told() -> None:
    real, fake = "/pointsman/anthropic-api-key", "/pointsman/gemini-api-key"
    alone = Providers.of({"ANTHROPIC_API_KEY": "k"})
    assert (alone.keys(), alone.parameters("http://127.0.0.1:2")["GeminiBaseUrl"]) == ({real: "k"}, "")
    mixed = Providers.of({"ANTHROPIC_API_KEY": "k"}, stand_in=True)
    assert mixed.keys() == {real: "k", fake: "stand-in"}
    parameters = mixed.parameters("http://127.0.0.1:2")
    assert (parameters["GeminiBaseUrl"], parameters["AnthropicBaseUrl"]) == ("http://127.0.0.1:2/gemini", "")
    assert (parameters["StandIn"], mixed.stand_in.names) == ("true", "Gemini")


def test_model_overrides_become_parameters() -> None:
    parameters = Providers.of({"MODEL_OVERRIDE_REASONING": "claude-haiku-5-5"}).parameters(None)
    assert parameters["ModelOverrideReasoning"] == "claude-haiku-5-5"
    assert "ModelOverrideImplementation" not in parameters


def test_make_quotes_its_folder(tmp_path: Path) -> None:
    """A clone may lie under spaces, brackets and umlauts (reported in aws-samples/sessions-with-aws-sam 9)."""
    folder = tmp_path / "My Project's (ä) & $HOME; [1]"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "uv.lock", "tools"):
        (folder / name).symlink_to(ROOT / name)
    targets = ["setup", "demo", "build"]
    command = ["make", "-n", "-k", "--no-print-directory", f"PYTHON={sys.executable}", *targets]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    assert "My Project" not in printed  # the shell names the folder itself, so that nothing in its name is code
    assert set(re.findall(r".\$PWD", printed)) == {'"$PWD'}
