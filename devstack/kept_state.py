"""Keeps what MiniStack's tables, queues and buckets hold over an end of its process, however it ends.

What a request has changed is on the disk before its response is sent, and what a function is given before it is given.
The template is deployed anew at each start; a table, queue or bucket gets back what it held when it is made again by
its name. Queues that a request made are made again at once. MiniStack itself writes its state only when it is told to
stop.

Like the emulator's script, this runs in MiniStack's own Python and imports nothing else of this project but the
journal.
"""

import errno
import hashlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from devstack.state_journal import Key, State

FOLDER = "POINTSMAN_KEPT_STATE"
"""The environment variable with the folder; without it nothing is kept."""
UNKEPT_BUCKETS = ("pointsman-artifacts",)
"""Hold what is deployed anew at each start."""
_ITEM, _MESSAGE, _QUEUE = "item", "message", "queue"
_RECEIPT_SECONDS = 60.0
"""A function that had received a message has ended so long after, and so has its claim: the message comes back then."""
_UNWRITABLE = 74
"""The exit code, as sysexits.h has it for an error of input or output."""


class KeptState:
    """The stores of the running MiniStack, and the journal of their changes."""

    def __init__(self, folder: Path) -> None:
        """Read what was kept, and watch the stores from now on."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._files: Any = importlib.import_module("state_journal")
        self._journal = self._files.StateJournal(folder / "journal")
        self._dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
        self._sqs: Any = importlib.import_module("ministack.services.sqs")
        self._s3: Any = importlib.import_module("ministack.services.s3")
        self._changed_items: set[Key] = set()
        self._queues: dict[str, _SeenQueue] = {}
        self._made_by_request: set[str] = set()
        self._waiting: dict[tuple[str, str], State] = {}
        for key, value in self._journal.load().items():
            self._waiting.setdefault((key[0], key[1]), {})[key] = value
        self._watch_tables()
        self._watch_queues()
        self._watch_buckets(folder / "buckets")
        self._name_all_alike(os.environ["AWS_ACCESS_KEY_ID"])
        self._make_queues()

    def in_front_of(self, app: Any) -> Any:
        """Return the ASGI app with every response held back until its changes are on the disk."""

        async def keeping(scope: Any, receive: Any, send: Any) -> None:
            async def acknowledge(message: Any) -> None:
                if message["type"] == "http.response.start":
                    self.write_down()
                await send(message)

            await app(scope, receive, acknowledge if scope["type"] == "http" else send)

        return keeping

    def write_down(self) -> None:
        """Put all changes since the last time on the disk; where that is impossible, end the process instead."""
        with self._lock:
            items, self._changed_items = self._changed_items, set()
            changes = {key: self._item(key) for key in items} | dict(self._queue_changes())
            if not changes:
                return
            try:
                self._journal.append(changes)
            except OSError as error:
                _stop(error)
            if self._journal.is_outgrown:
                try:
                    self._journal.rewrite(self._all())
                except OSError as error:  # what is there is whole, only longer than it need be
                    print(f"pointsman: the journal cannot be written anew: {error}", file=sys.stderr, flush=True)

    def _all(self) -> "Iterator[tuple[Key, Any]]":
        for waiting in self._waiting.values():
            yield from waiting.items()
        for table in self._dynamodb._tables.all_values():
            for partition, rows in list(table["items"].items()):
                for sort, item in list(rows.items()):
                    yield (_ITEM, table["TableArn"], partition, sort), item
        for queue in self._sqs._queues.all_values():
            arn = _arn(queue)
            if arn in self._made_by_request:
                yield (_QUEUE, arn), _definition(queue)
            for message in list(queue["messages"]):
                yield (_MESSAGE, arn, message["id"]), message

    def _watch_tables(self) -> None:
        dynamodb, kept = self._dynamodb, self
        put, remove = dynamodb._set_item, dynamodb._remove_item

        class Tables(type(dynamodb._tables)):  # type: ignore[misc]
            __slots__ = ()

            def __setitem__(self, name: str, table: dict[str, Any]) -> None:
                for key, item in kept._waiting.pop((_ITEM, table["TableArn"]), {}).items():
                    put(table, key[2], key[3], item)
                super().__setitem__(name, table)

            def pop(self, name: str, *default: Any) -> Any:
                table = super().pop(name, *default)
                for partition, rows in table["items"].items() if table else ():
                    for sort in rows:
                        kept._note_item(table, partition, sort)
                return table

        def set_item(table: dict[str, Any], partition: str, sort: str, item: Any) -> Any:
            kept._note_item(table, partition, sort)
            return put(table, partition, sort, item)

        def remove_item(table: dict[str, Any], partition: str, sort: str) -> Any:
            kept._note_item(table, partition, sort)
            return remove(table, partition, sort)

        dynamodb._tables.__class__ = Tables
        dynamodb._set_item, dynamodb._remove_item = set_item, remove_item

    def _note_item(self, table: dict[str, Any], partition: str, sort: str) -> None:
        with self._lock:
            self._changed_items.add((_ITEM, table["TableArn"], partition, sort))

    def _item(self, key: "Key") -> Any:
        """Return an item as it is now; None when it is gone."""
        _, arn, partition, sort = key
        _, _, _, region, account, table = arn.split(":", 5)
        found = self._dynamodb._tables.get_scoped(account, region, table.partition("/")[2])
        return found and found["items"].get(partition, {}).get(sort)

    def _watch_queues(self) -> None:
        sqs, kept = self._sqs, self
        receive, delete = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm
        collect, create = sqs._collect_msgs, sqs._HANDLERS["CreateQueue"]

        class Queues(type(sqs._queues)):  # type: ignore[misc]
            __slots__ = ()

            def __setitem__(self, url: str, queue: dict[str, Any]) -> None:
                before = self.get(url)
                queue["messages"] += before["messages"] if before else kept._messages_of(queue)
                super().__setitem__(url, queue)

        def receive_for_function(*args: Any) -> Any:
            batch = receive(*args)
            kept.write_down()
            return batch

        def delete_for_function(*args: Any) -> None:
            delete(*args)
            kept.write_down()

        def collect_messages(queue: dict[str, Any], *args: Any) -> Any:
            batch = collect(queue, *args)
            if batch and (seen := kept._queues.get(_arn(queue))):
                seen.received = True
            return batch

        def create_queue(data: dict[str, Any], url: str) -> Any:
            result = create(data, url)
            kept._made_by_request.add(_arn(sqs._get_q(result["QueueUrl"])))
            return result

        sqs._queues.__class__ = Queues
        sqs._receive_messages_for_esm, sqs._delete_messages_for_esm = receive_for_function, delete_for_function
        sqs._collect_msgs, sqs._HANDLERS["CreateQueue"] = collect_messages, create_queue

    def _messages_of(self, queue: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the messages that the queue held, those that somebody had received to be visible soon."""
        arn, now = _arn(queue), time.time()
        messages = [message for _, message in self._waiting.pop((_MESSAGE, arn), {}).items()]
        longest = max(float(queue["attributes"]["VisibilityTimeout"]) - _RECEIPT_SECONDS, 0.0)
        for message in messages:
            if message.get("receive_count"):
                message["visible_at"] = max(min(message["visible_at"] - longest, now + _RECEIPT_SECONDS), now)
        seen = {message["id"]: message.get("receive_count", 0) for message in messages}
        self._queues[arn] = _SeenQueue(seen)
        return sorted(messages, key=lambda message: float(message["sent_at"]))

    def _queue_changes(self) -> "Iterator[tuple[Key, Any]]":
        """Yield what has changed in the queues since this was last asked."""
        queues = {_arn(queue): queue for queue in self._sqs._queues.all_values()}
        for arn, queue in queues.items():
            seen = self._queues.setdefault(arn, _SeenQueue({}))
            if arn in self._made_by_request and (definition := _definition(queue)) != seen.definition:
                seen.definition = definition
                yield (_QUEUE, arn), definition
            if not seen.is_unchanged(queue["messages"]):
                for message_id, message in seen.look(queue["messages"]):
                    yield (_MESSAGE, arn, message_id), message
        for arn in self._queues.keys() - queues.keys():
            yield (_QUEUE, arn), None
            yield from (((_MESSAGE, arn, message_id), None) for message_id in self._queues.pop(arn).counts)

    def _make_queues(self) -> None:
        """Make the queues again that requests had made."""
        for kind, arn in [place for place in self._waiting if place[0] == _QUEUE]:
            (queue,) = self._waiting.pop((kind, arn)).values()
            _, _, _, region, account, name = arn.split(":")
            queue = {**queue, "url": self._sqs._queue_url_for_account(account, name)}
            queue |= {"messages": [], "dedup_cache": {}, "fifo_seq": 0}
            queue["messages"] += self._messages_of(queue)
            self._made_by_request.add(arn)
            self._queues[arn].definition = _definition(queue)
            self._sqs._queues.set_scoped(account, region, queue["url"], queue)
            self._sqs._queue_name_to_url.set_scoped(account, region, name, queue["url"])

    def _watch_buckets(self, folder: Path) -> None:
        """Have MiniStack write objects to files, and read a bucket's files when the bucket is made."""
        s3 = self._s3
        s3.S3_PERSIST, s3.DATA_DIR = True, str(folder)
        persist, load, fire = s3._persist_object, s3._load_persisted_bucket, s3._fire_s3_event

        class Buckets(type(s3._buckets)):  # type: ignore[misc]
            __slots__ = ()

            def __setitem__(self, name: str, bucket: dict[str, Any]) -> None:
                super().__setitem__(name, bucket)
                files = folder / self._prefix() / name
                if files.is_dir():
                    load(self._prefix(), name, str(files))

            def setdefault(self, name: str, bucket: Any = None) -> Any:
                if name not in self:
                    self[name] = bucket
                return self[name]

        def write_file(path: str, data: Any, *, text: bool = False) -> None:
            self._files.write_durably(Path(path), data.encode() if text else data)

        def persist_object(bucket: str, key: str, record: Any) -> None:
            if bucket in UNKEPT_BUCKETS:
                return
            persist(bucket, key, record)  # it drops the body, which the file has from now on, unless it failed
            if isinstance(record, dict) and record.get("body") is not None:
                _stop(OSError(errno.EIO, f"an object of {bucket} cannot be written"))

        def fire_at_once(bucket: str, key: str, event: str, *args: Any, **options: Any) -> None:
            if bucket in s3._bucket_notifications:
                fire(bucket, key, event, *args, **options, sequencer=s3._next_event_sequencer(event))

        s3._buckets.__class__ = Buckets
        s3._persist_object, s3._atomic_write = persist_object, write_file
        s3._fire_s3_event_async = fire_at_once  # a thread would put the message on the queue after the response

    @staticmethod
    def _name_all_alike(access_key: str) -> None:
        """Give the bucket and the function URL the names that they had at the last start."""
        provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
        functions = importlib.import_module("ministack.services.lambda_svc")
        bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
        create = bucket["create"]

        def create_bucket(*args: Any) -> Any:
            if not provisioners._NAME_SEED.get():
                provisioners._NAME_SEED.set("kept")
            return create(*args)

        bucket["create"] = create_bucket
        numbers = iter(range(1_000_000))

        def url_id() -> str:
            return hashlib.sha256(f"{access_key} {next(numbers)}".encode()).hexdigest()[:32]

        functions._new_function_url_id = url_id  # type: ignore[attr-defined]


class _SeenQueue:
    """What the journal has of a queue."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        """How often each message had been received, by its id."""
        self.definition: Any = None
        self.received = False
        """Whether a message has been received since."""
        self._messages: list[Any] | None = None
        self._length = 0

    def is_unchanged(self, messages: list[Any]) -> bool:
        """Whether the queue surely is as it was: MiniStack replaces the list, or makes it longer or shorter."""
        return messages is self._messages and len(messages) == self._length and not self.received

    def look(self, messages: list[Any]) -> Iterator[tuple[str, Any]]:
        """Yield the messages that are new or received anew, and None for those that are gone."""
        self.received, self._messages, self._length = False, messages, len(messages)
        before, self.counts = self.counts, {}
        for message in list(messages):
            count = self.counts[message["id"]] = message.get("receive_count", 0)
            if before.get(message["id"]) != count:
                yield message["id"], message
        for gone in before.keys() - self.counts.keys():
            yield gone, None


def _stop(error: OSError) -> NoReturn:
    """End the process: what cannot be kept must not be acknowledged."""
    why = (
        f"The local stack has stopped, since it cannot write its state: {error.strerror}. All that it has acknowledged"
    )
    print(f"{why} is kept: make room, then run `pointsman up`", file=sys.stderr, flush=True)
    os._exit(_UNWRITABLE)


def _arn(queue: dict[str, Any]) -> str:
    return str(queue["attributes"]["QueueArn"])


def _definition(queue: dict[str, Any]) -> dict[str, Any]:
    attributes = {name: value for name, value in queue["attributes"].items() if not name.startswith("Approximate")}
    return {"name": queue["name"], "is_fifo": queue["is_fifo"], "attributes": attributes, "tags": dict(queue["tags"])}
