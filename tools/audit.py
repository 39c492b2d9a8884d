"""Asks PyPI which packages of requirement files have known vulnerabilities; run with pip-audit's own Python.

Ends with 0 if none has, 1 if one has, and 3 if not all of them could be asked about: silence is no clean bill.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

VULNERABLE, NOT_ASKED = 1, 3


def main() -> int:
    """Audit the files of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="requirement files with hashes")
    parser.add_argument("--if-reachable", action="store_true", help="end with 0 if the service cannot be asked")
    options = parser.parse_args()
    codes = {_audit(file) for file in options.files}
    if VULNERABLE in codes:
        return VULNERABLE
    return NOT_ASKED if NOT_ASKED in codes and not options.if_reachable else 0


def _audit(file: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run([*command, "--format", "json", "-r", str(file)], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        words = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        print(f"{file}: not audited: {words[-1] if words else 'pip-audit said nothing'}", file=sys.stderr)
        return NOT_ASKED
    recorded = [(vuln, vulnerability) for vuln in packages for vulnerability in vuln.get("vulns", [])]
    for entry, vulnerability in recorded:
        fixed = ", ".join(vulnerability["fix_versions"]) or "nowhere yet"
        print(f"{file}: {entry['name']} {entry['version']}: {vulnerability['id']}, fixed in {fixed}", file=sys.stderr)
    if recorded:
        return VULNERABLE
    if skipped := [package for package in packages if "skip_reason" in package]:
        why = skipped[0]["skip_reason"]
        print(f"{file}: not audited: {len(skipped)} of {len(packages)} packages: {why}", file=sys.stderr)
        return NOT_ASKED
    print(f"{file}: {len(packages)} packages, no known vulnerability")
    return 0


if __name__ == "__main__":
    sys.exit(main())
