"""Keys and their principals."""

from pointsman.contracts.api_key import ApiKey, digest_of, new_key
from pointsman.values.times import to_text
from tests.support.fakes import NOON


def api_key(principal: str | None = None) -> ApiKey:
    return ApiKey("ci", str(digest_of(new_key())), to_text(NOON), principal=principal)


def test_ids_and_sender_are_the_principals() -> None:
    first, second, other = api_key("ci"), api_key("ci"), api_key("bot")
    assert first.digest != second.digest
    assert first.task_id("k") == second.task_id("k") != other.task_id("k")
    assert (first.sender, other.sender) == ("key:ci", "key:bot")


def test_key_without_principal_keeps_its_ids_and_hands_them_on() -> None:
    old = api_key()
    assert old.task_id("k") == f"{old.digest[:12]}-k"
    successor = api_key(old.owner)
    assert (
        (successor.task_id("k"), successor.sender)
        == (old.task_id("k"), old.sender)
        == (
            f"{old.digest[:12]}-k",
            f"key:{old.digest[:12]}",
        )
    )
