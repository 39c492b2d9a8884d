"""A model of the whole system in discrete events.

Queue, router, Lambda's concurrency and cold starts, workflow, the budget's items in DynamoDB and the providers' limits,
over an hour that brings a tenth of the day's tasks. `benchmarks.volumes` says what comes of it, and
`benchmarks.model_check` holds it against the local stack.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.simulation import Gate, Places, Process, Rate, Simulation
from pointsman.report.figures import aws_units as units
from pointsman.values.taxonomy import Tier

HOUR, BUSY_HOUR = 3600.0, 0.1
"""Seconds, and the share of a day's tasks that its busiest hour brings."""
BATCH = 10
BURST = 10_000
_MOST_TRIES = 3
"""Waits for the free model before the paid one, as `workflow_state.MOST_TRIES`."""


@dataclass(frozen=True)
class StepTimes:
    """Seconds of each step. Of AWS's they are assumed: the middle of what its users publish."""

    poll: float = 0.0
    """How often the queue is looked at; 0: a message is handed out at once, as AWS's long polling does."""
    receive: float = 0.01
    transition: float = 0.02
    invoke: float = 0.015
    read: float = 0.004
    write: float = 0.006
    transaction: float = 0.012
    budget_item: float = 0.01
    """How long a transaction holds an item of counters, which others wait for."""
    start_execution: float = 0.03
    put_event: float = 0.015
    cold: dict[str, float] = field(default_factory=lambda: {"router": 0.7, "orchestration": 1.0})
    """Of a cold start; other functions take `cold_claude`."""
    cold_claude: float = 1.9
    kept_warm: float = 420.0
    """How long an idle instance is kept."""
    model: dict[Tier, float] = field(default_factory=lambda: {tier: float(units.CALL_SECONDS[tier]) for tier in Tier})
    spread: float = 0.3
    """Of the logarithm of a call's time."""


@dataclass(frozen=True)
class Limits:
    """What holds the system back."""

    router_concurrency: int = 2
    batch_seconds: float = 0.0
    account_concurrency: int = 1000
    starts_a_second: float = 300.0
    free_a_minute: int = 15
    free_a_day: int = 500
    paid_a_minute: int = 1000


@dataclass
class HourResult:
    """What the tasks of an hour came to."""

    seconds: dict[Tier, list[float]] = field(default_factory=lambda: {tier: [] for tier in Tier})
    """From sending to telling."""
    started: list[float] = field(default_factory=list)
    """From sending to the start of the execution."""
    batches: int = 0
    cold: int = 0
    throttled: int = 0
    fell_back: int = 0
    used: dict[str, float] = field(default_factory=dict)
    """Share of each resource that was used while tasks arrived."""
    most_at_once: int = 0
    """Invocations."""

    @property
    def all_seconds(self) -> list[float]:
        """The seconds of all tasks."""
        return [seconds for tier in Tier for seconds in self.seconds[tier]]


class System:
    """The functions and their limits."""

    def __init__(self, limits: Limits, times: StepTimes | None = None, seed: int = 1) -> None:
        self.limits, self.times = limits, times or StepTimes()
        self.simulation, self.dice, self.result = Simulation(), random.Random(seed), HourResult()
        self._queue, self._arrived = deque[tuple[float, Tier]](), Gate()
        self._router, self._account = Places(limits.router_concurrency), Places(limits.account_concurrency)
        self._spent, self._released = Places(1), Places(1)
        self._starts, self._paid = Rate(limits.starts_a_second, 1.0), Rate(limits.paid_a_minute, 60.0)
        self._free, self._free_left = Rate(limits.free_a_minute, 60.0), limits.free_a_day * BUSY_HOUR
        self._warm: dict[str, list[float]] = {}

    def run(self, arrivals: Iterator[tuple[float, Tier]]) -> HourResult:
        """Play the arrivals until the last task is told."""
        last = 0.0
        for at, tier in arrivals:
            self.simulation.spawn(self._send(tier), after=at)
            last = max(last, at)
        for _ in range(self.limits.router_concurrency):
            self.simulation.spawn(self._poll())
        self.simulation.run()
        self._add_up(max(last, 1.0))
        return self.result

    def _send(self, tier: Tier) -> Process:
        self._queue.append((self.simulation.now, tier))
        self.simulation.open(self._arrived)
        yield 0.0

    def _poll(self) -> Process:
        """Route one batch after the other."""
        while True:
            while not self._queue:
                yield self._arrived
            yield self.times.receive
            if self.times.poll:
                yield self.times.poll - self.simulation.now % self.times.poll
            if self.limits.batch_seconds and len(self._queue) < BATCH:
                yield self.limits.batch_seconds
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if batch:
                yield from self._route(batch)

    def _route(self, batch: list[tuple[float, Tier]]) -> Process:
        """One invocation of the router; SQS has it wait for its turn, and never gives a message up for that."""
        simulation, times = self.simulation, self.times
        yield self._router
        yield self._account
        self.result.batches += 1
        yield times.invoke + self._cold("router") + times.read + len(batch) * times.write
        for sent, tier in batch:
            while wait := self._starts.free_in(simulation.now):
                yield wait
            self._starts.take(simulation.now)
            yield times.start_execution
            self.result.started.append(simulation.now - sent)
            simulation.spawn(self._execute(sent, tier))
        self._return("router")
        simulation.give_back(self._router)

    def _execute(self, sent: float, tier: Tier) -> Process:
        """One execution: attempts until one answers; it is told by the function that has the answer."""
        simulation, times, model, throttles, tries = self.simulation, self.times, tier, 0, 0
        yield times.transition
        while True:
            yield times.transition
            if not simulation.take(self._account):
                self.result.throttled, throttles = self.result.throttled + 1, throttles + 1
                yield min(2.0**throttles, 300.0) * self.dice.uniform(0.5, 1.0)
                continue
            throttles = 0
            function = str(model)
            yield times.invoke + self._cold(function) + times.read
            if (wait := self._admitted_in(model)) > 0:
                self._return(function)
                tries += 1
                if model is Tier.ORCHESTRATION and (tries > _MOST_TRIES or wait > HOUR):
                    model, tries, self.result.fell_back = Tier.IMPLEMENTATION, 0, self.result.fell_back + 1
                    continue
                yield wait * (1 + 0.05 * self.dice.random())
                continue
            yield from self._call(model)
            self.result.seconds[tier].append(simulation.now - sent)
            yield times.write
            self._return(function)
            return

    def _admitted_in(self, model: Tier) -> float:
        """Return the seconds until the provider's limit takes a call of the model; 0: this one is counted."""
        now, free = self.simulation.now, model is Tier.ORCHESTRATION
        if free and self._free_left < 1:
            return 2 * HOUR
        limit = self._free if free else self._paid
        if (wait := limit.free_in(now)) == 0:
            limit.take(now)
            self._free_left -= free
        return wait

    def _call(self, model: Tier) -> Process:
        """Reserve, ask, settle, tell; paid calls change the budget's items."""
        times, paid = self.times, model is not Tier.ORCHESTRATION
        for item, seconds in (
            (self._spent, self.dice.lognormvariate(0.0, times.spread) * times.model[model]),
            (self._released, times.read + times.put_event),
        ):
            if paid:
                yield item
                yield times.budget_item
                self.simulation.give_back(item)
            yield times.transaction + seconds

    def _cold(self, function: str) -> float:
        """Take an instance; return the seconds of its cold start, if it is a new one."""
        idle, now = self._warm.setdefault(function, []), self.simulation.now
        while idle:
            if now - idle.pop() <= self.times.kept_warm:
                return 0.0
        self.result.cold += 1
        return self.times.cold.get(function, self.times.cold_claude)

    def _return(self, function: str) -> None:
        self._warm[function].append(self.simulation.now)
        self.simulation.give_back(self._account)

    def _add_up(self, seconds: float) -> None:
        limits, over = self.limits, max(seconds, 60.0)
        self.result.most_at_once = self._account.most
        self.result.used = {
            "router concurrency": self._router.busy / seconds / limits.router_concurrency,
            "account concurrency": self._account.most / limits.account_concurrency,
            "StartExecution": self._starts.used / seconds / limits.starts_a_second,
            "budget's items": self._spent.busy / seconds,
            "paid model": self._paid.used / over * 60 / limits.paid_a_minute,
            "free model's day": self._free.used / (limits.free_a_day * BUSY_HOUR),
        }


def busy_hour(tasks_a_day: int, seed: int = 1) -> Iterator[tuple[float, Tier]]:
    """Yield the arrivals of the day's busiest hour, at random times, in the team's mix."""
    dice, shares = random.Random(seed), [float(units.tier_share(tier)) for tier in Tier]
    for _ in range(max(round(tasks_a_day * BUSY_HOUR), 1)):
        yield dice.uniform(0.0, HOUR), dice.choices(list(Tier), shares)[0]


def burst(tasks: int = BURST, seed: int = 1) -> Iterator[tuple[float, Tier]]:
    """Yield tasks that are all sent at once."""
    dice, shares = random.Random(seed), [float(units.tier_share(tier)) for tier in Tier]
    for _ in range(tasks):
        yield 0.0, dice.choices(list(Tier), shares)[0]
