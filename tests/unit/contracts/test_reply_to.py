import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.reply_to import address_of, check_form, printable, refusal
from pointsman.entrypoints.settings import Settings

QUEUE = "arn:aws:sqs:us-east-1:000000000000:replies"
ALLOWED = Settings(reply_queue_arns=QUEUE, webhook_hosts="Hooks.example.com, b.example:8443").reply_places


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example.com", "https://hooks.example.com"),
        ("https://Hooks.Example.com:443/a?key=secret", "https://hooks.example.com"),
        ("https://b.example:8443?x=1", "https://b.example:8443"),
        ("https://localhost:9/", "https://localhost:9"),
    ],
)
def test_webhook_address_shows_host_and_port_only(url: str, address: str) -> None:
    assert check_form(url) == url
    assert address_of(url) == printable(url) == address


def test_other_reply_addresses_are_shown_without_secrets() -> None:
    assert printable(QUEUE) == QUEUE
    assert (address_of("AQCk/a+b="), printable("AQCk/a+b=")) == (None, "task token")


def test_fifo_queue_is_refused_before_its_task_is_paid_for() -> None:
    """A FIFO queue takes only messages with a group, which an answer does not have."""
    with pytest.raises(ValueError, match="must be a standard SQS queue"):
        check_form(f"{QUEUE}.fifo")
    body = f'{{"prompt": "x", "reply_to": "{QUEUE}.fifo"}}'
    assert "reply_to: must be a standard SQS queue" in str(validate_message(body).error)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://hooks.example.com/", "must begin with https://"),
        ("HTTPS://hooks.example.com/", "must begin with https://"),
        ("ftp://hooks.example.com/", "must begin with https://"),
        ("https://user:pw@hooks.example.com/", "no user or password"),
        ("https://hooks.example.com@10.0.0.1/", "no user or password"),
        ("https://hooks.example.com/#part", "no fragment"),
        ("https://10.0.0.1/", "not an IP address"),
        ("https://2130706433/", "not an IP address"),
        ("https://0x7f.1/", "not an IP address"),
        ("https://a.0x7f000001/", "not an IP address"),
        ("https://[::1]/", "with a host name"),
        ("https://hooks.example.com\\@evil.example/", "with a host name"),
        ("https://hooks.example.com./", "with a host name"),
        ("https:///path", "with a host name"),
        ("https://hooks.example.com:/x", "a valid port"),
        ("https://hooks.example.com:0/x", "a port from 1 to 65535"),
        ("https://hooks.example.com:65536/x", "a port from 1 to 65535"),
        ("https://hooks.example.com:8443x/", "a valid port"),
        ("https://hooks.example.com/a b", "no spaces"),
        ("https://hooks.example.com/a\r\nx: y", "no spaces"),
        ("https://hööks.example.com/", "in ASCII"),
        (f"https://{'a.' * 127}example/", "at most 253"),
    ],
)
def test_invalid_webhook_is_rejected_by_its_rule(url: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        check_form(url)


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        (QUEUE, None),
        ("AQCk", None),
        ("https://hooks.example.com/a", None),
        ("https://b.example:8443/a", None),
        ("https://b.example/a", "must be a webhook at one of the hosts in parameter WebhookHosts"),
        ("https://hooks.example.com:444/a", "must be a webhook at one of the hosts in parameter WebhookHosts"),
        ("https://sub.hooks.example.com/a", "must be a webhook at one of the hosts in parameter WebhookHosts"),
        (f"{QUEUE}2", "must be one of the queues in parameter ReplyQueueArns, in the stack's region"),
    ],
)
def test_reply_address_is_allowed_if_the_parameters_name_it(place: str, rule: str | None) -> None:
    assert refusal(place, ALLOWED) == rule


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sns:us-east-1:000000000000:replies",
        "arn:aws:sns:us-east-1:000000000000:replies.fifo",
        "arn:aws:events:us-east-1:000000000000:event-bus/replies",
        "arn:aws:states:us-east-1:000000000000:stateMachine:replies",
        "arn:aws:lambda:us-east-1:000000000000:function:replies",
        "arn:aws:sqs:us-east-1:000000000000",
        "arn:aws:sqs:us-east-1:000000000000:replies.fifo",
        "arn:aws:sqs:us-east-1:000000000000:replies/more",
        f"arn:aws:sqs:us-east-1:000000000000:{'a' * 81}",
    ],
)
def test_only_standard_queues_are_reply_addresses_whatever_the_parameter_names(arn: str) -> None:
    assert Settings(reply_queue_arns=f"{QUEUE},{arn}").reply_places == {QUEUE}
    assert refusal(arn, Settings(reply_queue_arns=arn).reply_places) is not None


@pytest.mark.parametrize(
    ("stack", "queue", "allowed"),
    [
        ("aws:states:us-east-1", "aws:sqs:us-east-1:000000000000", True),
        ("aws:states:us-east-1", "aws:sqs:us-east-1:111111111111", True),  # its policy may let the stack send
        ("aws:states:us-east-1", "aws:sqs:eu-west-1:000000000000", False),
        ("aws-eusc:states:eusc-de-east-1", "aws-eusc:sqs:eusc-de-east-1:000000000000", True),
        ("aws:states:us-east-1", "aws-cn:sqs:us-east-1:000000000000", False),
    ],
)
def test_queue_of_another_region_or_partition_is_no_reply_address(stack: str, queue: str, allowed: bool) -> None:
    arn = f"arn:{queue}:answers"
    settings = Settings(reply_queue_arns=arn, state_machine_arn=f"arn:{stack}:000000000000:stateMachine:run-task")
    assert check_form(arn) == arn
    assert (refusal(arn, settings.reply_places) is None) is allowed


def test_no_reply_address_is_allowed_by_default() -> None:
    assert Settings().reply_places == frozenset()


TOKEN = "AAAAKgAAAAIAAAAAAAAAAa+/b=="


@pytest.mark.parametrize("place", [TOKEN, "a5a0d1f0-4a4b-4b0b-9c5e-6a7f1d1b2c3d"])
def test_task_token_is_a_place(place: str) -> None:
    assert check_form(place) == place


@pytest.mark.parametrize(
    "place",
    [
        "somewhere",
        "my-queue",
        "hooks.example.com/pointsman",
        "am:aws:sqs:us-east-1:000000000000:replies",
        "mailto:somebody@example.com",
        "//hooks.example.com/pointsman",
        "#channel-of-the-whole-team",
        "token.fifo",
        TOKEN[:19],
        f"{TOKEN} ",
        f"{TOKEN}\n",
        f"{TOKEN}é",
    ],
)
def test_mistyped_place_is_no_task_token(place: str) -> None:
    """It would pass, be paid for, and its answer reach nobody."""
    with pytest.raises(ValueError, match="must be an SQS queue ARN, an https:// URL or a Step Functions task token"):
        check_form(place)


@given(st.text(alphabet="https:/.@#?[]%\\ a0x1:-\n", max_size=30))
def test_no_url_passes_as_a_token_or_shows_more_than_its_host(text: str) -> None:
    try:
        check_form(text)
    except ValueError:
        return
    if "://" in text:
        host = str(address_of(text)).removeprefix("https://")
        assert not set("/?#@\\ \n") & set(host)
        assert refusal(text, frozenset()) is not None
