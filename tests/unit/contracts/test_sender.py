"""Who sent a message: only what AWS says, and what our own roles say, counts."""

import json
from typing import Any

import pytest

from pointsman.contracts.envelope import SendingService
from pointsman.contracts.sender import Sender
from pointsman.entrypoints.settings import Settings

DOOR, DELIVERY, SWEEP = "AROADOOR", "AROADELIVERY", "AROASWEEP"
SNS, EVENTS, S3 = "AIDASNS", "AIDAEVENTS", "AROAS3:S3-PROD-END"
TOPIC, RULE = "arn:aws:sns:eu-central-1:111122223333:tickets", "arn:aws:events:eu-central-1:111122223333:rule/nightly"
RULES = Settings(
    front_door_role_id=DOOR,
    subtask_role_ids=f"{DELIVERY},{SWEEP}",
    service_sender_ids=f"sns:{SNS},events:{EVENTS},s3:{S3},AIDANOSERVICE,lambda:AIDALAMBDA",
    sender_arns=f"{TOPIC},arn:aws:sns:eu-central-1:111122223333:team-*,{RULE}",
    prompt_bucket_arns="arn:aws:s3:::prompts",
).sender_rules
TASK = json.dumps({"prompt": "Write it."})


def sns(topic: str = TOPIC, message: str = TASK) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": topic, "Message": message})


def event(source: str = "team.app", **fields: Any) -> str:
    return json.dumps({"id": "1", "detail-type": "Task", "source": source, "detail": {"prompt": "Write it."}, **fields})


def s3(bucket: str = "prompts") -> str:
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}}}
    return json.dumps({"Records": [record]})


@pytest.mark.parametrize(
    ("sender_id", "stated", "sender"),
    [
        (f"{DOOR}:front-door", "key:ci", "key:ci"),
        (f"{DELIVERY}:delivery", "key:ci", "key:ci"),
        (f"{SWEEP}:sweep", "role:AROATEAM:ada@example.com", "role:AROATEAM:ada@example.com"),
        (f"{DELIVERY}:delivery", "service:tickets", "service:tickets"),
        ("AROATEAM:ada@example.com", None, "role:AROATEAM:ada@example.com"),
        ("AIDAUSER", None, "role:AIDAUSER"),
        (None, "key:ci", None),
    ],
)
def test_our_own_roles_say_whom_they_send_for(sender_id: str | None, stated: str | None, sender: str | None) -> None:
    assert RULES.sender_of(sender_id, stated, TASK) == Sender(sender)


@pytest.mark.parametrize(
    ("sender_id", "stated"),
    [
        ("AROATEAM:front-door", "key:ci"),  # another role, with the session name of ours
        (f"{DOOR}X:front-door", "key:ci"),
        (f"X{DELIVERY}:delivery", "key:ci"),
        (DOOR, "key:ci"),  # a user's id has no session
        ("AROATEAM:" + DOOR, "key:ci"),
        (SNS, "key:ci"),  # raw delivery hands a publisher's attributes on
        (f"{DOOR}:front-door", "role:AROATEAM:ada"),  # the front door knows keys only
        (f"{DOOR}:front-door", "key:"),
        (f"{DOOR}:front-door", "key:ci\n"),
        (f"{DOOR}:front-door", None),  # sent before it stated keys
        (f"{DELIVERY}:delivery", "root:all"),
        (f"{DELIVERY}:delivery", "key:" + "x" * 300),
        (f"{DELIVERY}:delivery", None),
    ],
)
def test_forged_attribute_counts_for_nothing(sender_id: str, stated: str | None) -> None:
    assert RULES.sender_of(sender_id, stated, TASK) == Sender(f"role:{sender_id}")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"prompt": "Write it.", "sender": "key:ci", "metadata": {"sender": "key:ci"}}),
        json.dumps({"prompt": "Write it.", "Type": "Notification", "TopicArn": TOPIC, "Message": TASK}),
        json.dumps({"prompt": "Write it.", "pointsman.sender": "key:ci", "SenderId": f"{DOOR}:front-door"}),
        '{"TopicArn": "',
        '["TopicArn"]',
        json.dumps({"Type": "Notification", "TopicArn": [TOPIC]}),
    ],
)
def test_sender_in_the_text_counts_for_nothing(body: str) -> None:
    assert RULES.sender_of("AROATEAM:ada", None, body) == Sender("role:AROATEAM:ada")
    assert RULES.sender_of(SNS, None, body) == Sender(f"role:{SNS}")


@pytest.mark.parametrize(
    ("sender_id", "body", "sender", "via"),
    [
        (SNS, sns(), "service:tickets", TOPIC),
        (
            SNS,
            sns("arn:aws:sns:eu-central-1:111122223333:team-a"),
            "service:team-a",
            "arn:aws:sns:eu-central-1:111122223333:team-a",
        ),
        (SNS, sns(message=event()), "service:tickets", TOPIC),
        (EVENTS, event(), "service:nightly", "team.app"),
        (S3, s3(), "service:prompts", "prompts"),
    ],
)
def test_service_is_named_by_the_admitted_source(sender_id: str, body: str, sender: str, via: str) -> None:
    assert RULES.sender_of(sender_id, None, body) == Sender(sender, via)


@pytest.mark.parametrize(
    ("sender_id", "body", "via"),
    [
        ("AROATEAM:ada", sns(), TOPIC),  # a role that writes an envelope itself
        (f"{DOOR}:front-door", sns(), None),
        ("AROAS3:ada", s3(), "prompts"),  # a session of that role, not the service's
        ("AROATEAM:S3-PROD-END", s3(), "prompts"),
        (SNS, sns("arn:aws:sns:eu-central-1:999900001111:tickets"), "arn:aws:sns:eu-central-1:999900001111:tickets"),
        (SNS, sns("arn:aws:sns:x:y:z:team-a"), "arn:aws:sns:x:y:z:team-a"),
        (SNS, s3(), "prompts"),  # a publisher's text, which raw delivery hands on
        (SNS, event(), "team.app"),
        (EVENTS, sns(), TOPIC),
        (S3, s3("others"), "others"),
        ("AIDANOSERVICE", sns(), TOPIC),
        ("AIDALAMBDA", sns(), TOPIC),
    ],
)
def test_source_that_the_sender_may_have_written_stands_as_via(sender_id: str, body: str, via: str | None) -> None:
    assert RULES.sender_of(sender_id, None, body) == Sender(f"role:{sender_id}", via)


@pytest.mark.parametrize("arns", [f"{RULE},{RULE}-2", RULE + "*", TOPIC, ""])
def test_event_is_its_rules_only_when_one_rule_is_admitted(arns: str) -> None:
    rules = Settings(sender_arns=arns, service_sender_ids=f"events:{EVENTS}").sender_rules
    assert rules.services == {EVENTS: SendingService.EVENTS}
    assert rules.sender_of(EVENTS, None, event()) == Sender(f"role:{EVENTS}", "team.app")


def test_stack_without_known_roles_takes_every_sender_for_a_role() -> None:
    rules = Settings().sender_rules
    assert rules.sender_of(f"{DOOR}:front-door", "key:ci", sns()) == Sender(f"role:{DOOR}:front-door", TOPIC)
