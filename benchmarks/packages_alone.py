"""A function that imports the packages of another one and makes its clients, and has no code of ours: the least that
the other's INIT can take while it uses them.
"""

import json
import os
import subprocess

from benchmarks.places import LAMBDA, Artifact, handler_of, python_of
from benchmarks.rie import SETTINGS

_OURS = ("__main__", "app", "pointsman")
_RECORD = f"""
import json, ssl, sys
import botocore.session

clients, authorities = [], []
create = botocore.session.Session.create_client
load, defaults = ssl.SSLContext.load_verify_locations, ssl.SSLContext.load_default_certs

def created(session, service, *args, **options):
    clients.append(service)
    return create(session, service, *args, **options)

def loaded(context, cafile=None, *args, **options):
    authorities.append(str(cafile))
    return load(context, cafile, *args, **options)

def loaded_defaults(context, *args, **options):
    authorities.append("")
    return defaults(context, *args, **options)

botocore.session.Session.create_client = created
ssl.SSLContext.load_verify_locations, ssl.SSLContext.load_default_certs = loaded, loaded_defaults
import app
modules = [name for name in sys.modules if name.split(".")[0] not in {_OURS!r}]
print(json.dumps([modules, clients, authorities]))
"""
_HANDLER = """
import gc
gc.disable()
import importlib
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ImportError:  # made by another module, which has no file for it
        pass
import ssl
for authorities in {authorities!r}:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authorities) if authorities else context.load_default_certs()
if {clients!r}:
    import botocore.session
    session = botocore.session.get_session()
    clients = [session.create_client(service) for service in {clients!r}]
gc.freeze()
gc.enable()

def handler(event, context):
    return None
"""


def packages_alone(artifact: Artifact) -> Artifact:
    """Return the function, with the layers of `artifact`.

    Raises:
        subprocess.CalledProcessError: `artifact` cannot be imported.
    """
    name = artifact.code.name
    libraries = os.pathsep.join(map(str, artifact.libraries))
    recorded = subprocess.run(
        [str(python_of(LAMBDA)), "-B", "-c", _RECORD],
        cwd=artifact.code,
        env={"PATH": os.defpath, "PYTHONPATH": libraries, "AWS_LAMBDA_FUNCTION_NAME": name, **SETTINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    modules, clients, authorities = json.loads(recorded.stdout.splitlines()[-1])
    text = _HANDLER.format(modules=modules, clients=clients, authorities=authorities)
    return handler_of(f"packages-{name}", text, *artifact.libraries)
