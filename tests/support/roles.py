"""The roles of the deployed functions: what they may, without which statement, and new workers under them."""

import hashlib
import json
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pointsman.entrypoints.lambda_context import KEEP_WARM
from tests.support.local_stack import Stack, worker_commands


@dataclass(frozen=True)
class Role:
    """The role of a deployed function, by the name of its output."""

    stack: Stack
    function: str

    def invoke(self, event: Any) -> tuple[bool, str]:
        """Return whether the function ended well, and what it returned or raised."""
        name = self.stack.info.outputs[f"{self.function}FunctionName"]
        answer = self.stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        return "FunctionError" not in answer, answer["Payload"].read().decode()

    @property
    def _configuration(self) -> dict[str, Any]:
        name = self.stack.info.outputs[f"{self.function}FunctionName"]
        return dict(self.stack.client("lambda").get_function_configuration(FunctionName=name))

    @property
    def name(self) -> str:
        return str(self._configuration["Role"]).rsplit("/", 1)[1]

    @property
    def keys(self) -> list[str]:
        """The access keys of its sessions: the emulator derives them from function and role."""
        config = self._configuration
        arn = config["FunctionArn"]
        arns = (arn, f"{arn}:$LATEST")
        return [f"ASIA{hashlib.sha256(f'{arn}:{config["Role"]}'.encode()).hexdigest()[:16].upper()}" for arn in arns]

    def policies(self) -> dict[str, dict[str, Any]]:
        iam = self.stack.client("iam")
        names = iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        return {name: iam.get_role_policy(RoleName=self.name, PolicyName=name)["PolicyDocument"] for name in names}

    def statements(self) -> dict[str, set[str]]:
        """Return the actions that each statement allows."""
        statements = {}
        for document in self.policies().values():
            for statement in document["Statement"]:
                if statement["Effect"] == "Deny":
                    continue
                actions = statement["Action"]
                statements[statement["Sid"]] = {actions} if isinstance(actions, str) else set(actions)
        return statements

    @contextmanager
    def without(self, *sids: str) -> Iterator[None]:
        """Take statements of one policy away for a block."""
        iam, role = self.stack.client("iam"), self.name
        ((policy, document),) = [
            (name, policy)
            for name, policy in self.policies().items()
            if {*sids} <= {statement["Sid"] for statement in policy["Statement"]}
        ]
        fewer = {**document, "Statement": [entry for entry in document["Statement"] if entry["Sid"] not in sids]}
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(fewer))
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def restart_function(stack: Stack, function: str) -> None:
    """Restart one function; the call that fails on the worker that is gone is made here."""
    name = stack.info.outputs[f"{function}FunctionName"]
    _kill([pid for pid, command in worker_commands(stack) if f"{function}Function" in command])
    stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(KEEP_WARM).encode())


def restart_functions(stack: Stack) -> None:
    """Restart every function, since a worker keeps the keys that it has read.

    The router and the sweep are called once by hand: the next call fails on the worker that is gone, and a batch of the
    queue would return in 6 minutes.
    """
    _kill([pid for pid, _ in worker_commands(stack)])
    for function, event in (("Router", b'{"Records": []}'), ("Sweep", b"{}")):
        name = stack.info.outputs[f"{function}FunctionName"]
        stack.client("lambda").invoke(FunctionName=name, Payload=event)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
