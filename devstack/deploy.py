"""Deploys the built template to the emulator, with the command that deploys it to AWS."""

from collections.abc import Mapping
from pathlib import Path

from devstack import processes
from devstack.info import StackInfo
from devstack.toolchain import ROOT, SAM, LocalStackError, last_line, sam_settings

_BUCKET = "pointsman-artifacts"


def deploy_template(
    stack: StackInfo, template: Path, *, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> StackInfo:
    """Deploy a built template and return the stack with its outputs.

    Raises:
        LocalStackError: The deployment failed.
    """
    stack.session().client("s3", **stack.client_options).create_bucket(Bucket=_BUCKET)
    log = stack.state_dir / "deploy.log"
    command = [str(SAM), "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    command += ["--template-file", str(template), "--stack-name", stack.stack_name]
    command += ["--s3-bucket", _BUCKET, "--region", stack.region, "--parameter-overrides"]
    command += [f'{name}="{value}"' for name, value in parameters.items() if value]
    succeeded = processes.run_process(
        command,
        environment={**environment, **sam_settings(), **stack.environment},
        token=stack.token,
        log=log,
        cwd=ROOT,
    )
    if not succeeded:
        raise LocalStackError(f"sam deploy failed: {last_line(log)}", log)
    return stack.with_outputs()


def put_keys(stack: StackInfo, keys: Mapping[str, str]) -> None:
    """Store the provider keys, by parameter name, in Parameter Store, where the functions read them."""
    client = stack.session().client("ssm", **stack.client_options)
    for name, key in keys.items():
        client.put_parameter(Name=name, Value=key, Type="SecureString", Overwrite=True)
