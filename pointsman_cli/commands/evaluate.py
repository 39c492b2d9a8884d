"""`pointsman evaluate`: how good are the decisions on texts whose type is known?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, Config, StackOptions

if TYPE_CHECKING:
    from pointsman.entrypoints.runtime import Runtime


def evaluate(
    stack: StackOptions,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Labelled texts; without: the project's own.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live/--offline",
            help="Also ask the stack's classification model what is undecided; booked on the stack.",
        ),
    ] = False,
    as_json: AsJson = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw the curve and the confusion matrix there.")
    ] = None,
    litellm: Annotated[
        Path | None, typer.Option(metavar="PYTHON", help="A Python whose environment has LiteLLM, as a baseline.")
    ] = None,
    config: Config = None,
) -> None:
    """Measure the classifier on labelled texts.

    Compares it with simple baselines. Without --live it asks no model, and needs no stack and no key.
    """
    from datetime import UTC, datetime

    from pointsman.entrypoints.classifying import build_local_classifier
    from pointsman_cli.evaluation import examples, figures, pictures, routing, show
    from pointsman_cli.evaluation.baselines import grade

    sets = [examples.read_examples(file) for file in files or examples.own_sets()]
    runtime = _application(live, config, stack)
    graded = grade([example.text for one in sets for example in one.examples], litellm)
    start = 0
    measured = []
    for one in sets:
        routed, asking = (routing.route_live if live else routing.route_offline)(runtime, one.examples)
        grades = graded.part([number for number, each in enumerate(one.examples, start) if each.ok_tiers])
        start += len(one.examples)
        measured.append(
            figures.figures(
                one.name,
                routed,
                asking,
                lambda text: routing.local_verdict(runtime, text).tier,
                grades,
                runtime.context.policy,
                datetime.now(UTC),
            )
        )
    if as_json:
        weights = runtime.part(build_local_classifier).header["trained_on"]
        output.print_document(
            {
                "live": live,
                "trained_on": weights,
                "sets": [show.evaluation_document(figures_of_set) for figures_of_set in measured],
            }
        )
    else:
        for each in measured:
            show.print_evaluation(each, live=live)
    for each in measured if picture else []:
        assert picture is not None
        for file in pictures.draw(each, picture):
            output.print_note(f"drew {file}")


def _application(live: bool, config: Path | None, stack: StackOptions) -> "Runtime":
    from pointsman_cli import stacks

    if not live:
        return stacks.offline_runtime(config)
    connection = stack.connect(config)
    connection.say_stand_in()
    return connection.runtime
