"""The tiers and task types: fixed names, and which tier does which type."""

from enum import StrEnum


class Tier(StrEnum):
    """A class of work, from the cheapest to the most expensive."""

    ORCHESTRATION = "orchestration"
    IMPLEMENTATION = "implementation"
    REASONING = "reasoning"


class TaskType(StrEnum):
    """What a task asks for."""

    ORCHESTRATION = "orchestration"
    STATUS = "status"
    DECISION = "decision"
    PLANNING = "planning"
    TEST_COORDINATION = "test_coordination"
    QUESTION = "question"
    SUMMARY = "summary"
    EXTRACTION = "extraction"
    TRANSLATION = "translation"
    REWRITING = "rewriting"
    CODE_GENERATION = "code_generation"
    TEST_WRITING = "test_writing"
    DOCUMENTATION = "documentation"
    API_ENDPOINT = "api_endpoint"
    ARCHITECTURE = "architecture"
    SECURITY_ANALYSIS = "security_analysis"
    COMPLEX_DEBUGGING = "complex_debugging"
    DESIGN_REVIEW = "design_review"


TYPES_OF: dict[Tier, tuple[TaskType, ...]] = {
    Tier.ORCHESTRATION: (
        TaskType.ORCHESTRATION,
        TaskType.STATUS,
        TaskType.DECISION,
        TaskType.PLANNING,
        TaskType.TEST_COORDINATION,
        TaskType.QUESTION,
        TaskType.SUMMARY,
        TaskType.EXTRACTION,
        TaskType.TRANSLATION,
        TaskType.REWRITING,
    ),
    Tier.IMPLEMENTATION: (
        TaskType.CODE_GENERATION,
        TaskType.TEST_WRITING,
        TaskType.DOCUMENTATION,
        TaskType.API_ENDPOINT,
    ),
    Tier.REASONING: (
        TaskType.ARCHITECTURE,
        TaskType.SECURITY_ANALYSIS,
        TaskType.COMPLEX_DEBUGGING,
        TaskType.DESIGN_REVIEW,
    ),
}

TIER_OF: dict[TaskType, Tier] = {kind: tier for tier, kinds in TYPES_OF.items() for kind in kinds}


def higher(one: Tier, other: Tier) -> Tier:
    """Return the dearer of two tiers: what an uncertain task gets."""
    order = list(Tier)
    return max(one, other, key=order.index)
