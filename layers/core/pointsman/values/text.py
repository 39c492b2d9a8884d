"""Text as it comes from files, queues and terminals."""

_BYTE_ORDER_MARK = "\ufeff"


def without_mark(text: str) -> str:
    """Return the text without the byte order mark that editors and shells of Windows put before UTF-8."""
    return text.removeprefix(_BYTE_ORDER_MARK)
