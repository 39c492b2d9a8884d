from pathlib import Path
from pointsman_cli import target, local
from pointsman_cli.evaluation import examples, routing
from pointsman_cli.commands.evaluate import evaluate
from tests.stack import Stack
import dataclasses, pytest

def test_live(stack: Stack, monkeypatch, capsys):
    monkeypatch.setattr(target, "find", lambda *_: target.of_local(stack.info))
    assert evaluate([Path("/work/main/tests/eval/injection.jsonl")], live=True) == 0
    print(capsys.readouterr().out)
    for _ in range(2):
        ids=[stack.send(prompt="hm wolk 99887766")]
        for i in ids: print(stack.ended(i).decision)
