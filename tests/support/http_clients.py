"""Real clients of the front door, each with what people do with it. Runs in `.tools/clients`, not in the project's
environment: `python http_clients.py`, with BASE_URL, API_KEY and MARK in the environment, prints a list of outcomes.

The answers come from a stand-in: an answer by schema has the text of the prompt in its strings.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

URL, KEY, MARK = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ["MARK"]
ROOT_URL = URL.removesuffix("/v1")
AUTO, HAIKU = "pointsman/auto", "claude-haiku-5-5"
PATIENT: dict[str, str] = {"Prefer": "wait=2"}
"""Makes the door's wait short, so that a retry is seen within seconds."""
RETRIES = 20
"""Many: while the machine is busy, a task takes more waits than one that a person sends."""
PACKAGES = {
    "openai": "openai",
    "anthropic": "anthropic",
    "pydantic-ai": "pydantic-ai-slim",
    "LangChain": "langchain-openai",
    "LiteLLM": "litellm",
    "llm": "llm",
    "instructor": "instructor",
    "openai-agents": "openai-agents",
}
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look", "parameters": {"type": "object", "properties": {}}},
}


class City(BaseModel):
    """What an answer is to be."""

    name: str
    people: int


def said(client: str, row: str) -> str:
    return f"Which suites cover the parser? {MARK} {client} {row}"


def talk(client: str, row: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": said(client, row)}]


def text_is_there(answer: Any) -> None:
    assert isinstance(answer, str), type(answer)
    assert "stand-in" in answer, answer


def is_city(answer: Any) -> None:
    city = City.model_validate(answer if isinstance(answer, dict) else answer.model_dump())
    assert "stand-in" in city.name


def says_where_tools_stand(ask: Callable[[], object]) -> None:
    try:
        ask()
    except Exception as error:  # noqa: BLE001  (each SDK has its own)
        words = f"{type(error).__name__} {error}"
    else:
        words = "no error"
    assert "no tool is called" in words, words


ROWS: dict[tuple[str, str], Callable[[], None]] = {}


def row(client: str, name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(function: Callable[[], None]) -> Callable[[], None]:
        ROWS[client, name] = function
        return function

    return add


def with_openai() -> None:
    import openai

    client = openai.OpenAI(base_url=URL, api_key=KEY)
    chat: Any = client.chat.completions

    @row("openai", "text")
    def _() -> None:
        text_is_there(chat.create(model=AUTO, messages=talk("openai", "text")).choices[0].message.content)

    @row("openai", "stream")
    def _() -> None:
        chunks = chat.create(model=AUTO, messages=talk("openai", "stream"), stream=True)
        text_is_there("".join(chunk.choices[0].delta.content or "" for chunk in chunks))

    @row("openai", "structured")
    def _() -> None:
        answer = chat.parse(model=HAIKU, messages=talk("openai", "structured"), response_format=City)
        is_city(answer.choices[0].message.parsed)

    @row("openai", "json_object")
    def _() -> None:
        wanted = {"type": "json_object"}
        answer = chat.create(model=HAIKU, messages=talk("openai", "json_object"), response_format=wanted)
        assert isinstance(json.loads(answer.choices[0].message.content), dict)

    @row("openai", "stop")
    def _() -> None:
        answer = chat.create(model=AUTO, messages=talk("openai", "stop"), stop=["On"])
        assert "On" not in answer.choices[0].message.content

    @row("openai", "responses")
    def _() -> None:
        text_is_there(client.responses.create(model=AUTO, input=said("openai", "responses")).output_text)

    @row("openai", "responses stream")
    def _() -> None:
        with client.responses.stream(model=AUTO, input=said("openai", "responses stream")) as events:
            assert "response.output_text.delta" in [event.type for event in events]
            text_is_there(events.get_final_response().output_text)

    @row("openai", "responses structured")
    def _() -> None:
        prompt = said("openai", "responses structured")
        is_city(client.responses.parse(model=HAIKU, input=prompt, text_format=City).output_parsed)

    @row("openai", "models")
    def _() -> None:
        for name in (HAIKU, AUTO):
            assert client.models.retrieve(name).id == name
        assert AUTO in [model.id for model in client.models.list()]

    @row("openai", "tools")
    def _() -> None:
        says_where_tools_stand(lambda: chat.create(model=AUTO, messages=talk("openai", "tools"), tools=[TOOL]))

    @row("openai", "retry")
    def _() -> None:
        patient: Any = openai.OpenAI(base_url=URL, api_key=KEY, default_headers=PATIENT, max_retries=RETRIES)
        answer = patient.chat.completions.create(model=AUTO, messages=talk("openai", "retry"))
        text_is_there(answer.choices[0].message.content)


def with_anthropic() -> None:
    import anthropic

    client: Any = anthropic.Anthropic(base_url=ROOT_URL, api_key=KEY)

    def asked(name: str) -> dict[str, Any]:
        return {"model": AUTO, "max_tokens": 1000, "messages": talk("anthropic", name)}

    @row("anthropic", "text")
    def _() -> None:
        text_is_there(client.messages.create(**asked("text")).content[0].text)

    @row("anthropic", "Bearer")
    def _() -> None:
        bearer: Any = anthropic.Anthropic(base_url=ROOT_URL, auth_token=KEY)
        text_is_there(bearer.messages.create(**asked("Bearer")).content[0].text)

    @row("anthropic", "stream")
    def _() -> None:
        with client.messages.stream(**asked("stream")) as stream:
            text_is_there("".join(stream.text_stream))

    @row("anthropic", "structured")
    def _() -> None:
        is_city(client.messages.parse(**{**asked("structured"), "model": HAIKU}, output_format=City).parsed_output)

    @row("anthropic", "models")
    def _() -> None:
        for name in (HAIKU, AUTO):
            assert client.models.retrieve(name).id == name

    @row("anthropic", "tools")
    def _() -> None:
        tools = [{"name": "look", "input_schema": {"type": "object"}}]
        says_where_tools_stand(lambda: client.messages.create(**asked("tools"), tools=tools))

    @row("anthropic", "retry")
    def _() -> None:
        patient: Any = anthropic.Anthropic(base_url=ROOT_URL, api_key=KEY, default_headers=PATIENT, max_retries=RETRIES)
        text_is_there(patient.messages.create(**asked("retry")).content[0].text)


def with_pydantic_ai() -> None:
    from openai import AsyncOpenAI
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def provider(**options: Any) -> Any:
        return OpenAIProvider(openai_client=AsyncOpenAI(base_url=URL, api_key=KEY, **options))

    def run(agent: Any, name: str) -> Any:
        return asyncio.run(agent.run(said("pydantic-ai", name))).output

    @row("pydantic-ai", "text")
    def _() -> None:
        text_is_there(run(Agent(OpenAIChatModel(AUTO, provider=provider())), "text"))

    @row("pydantic-ai", "responses")
    def _() -> None:
        text_is_there(run(Agent(OpenAIResponsesModel(AUTO, provider=provider())), "responses"))

    @row("pydantic-ai", "structured")
    def _() -> None:
        model = OpenAIChatModel(HAIKU, provider=provider(), profile={"supports_json_schema_output": True})
        is_city(run(Agent(model, output_type=NativeOutput(City)), "structured"))

    @row("pydantic-ai", "tools")
    def _() -> None:
        by_tool = Agent(OpenAIChatModel(HAIKU, provider=provider()), output_type=City)
        says_where_tools_stand(lambda: run(by_tool, "tools"))

    @row("pydantic-ai", "retry")
    def _() -> None:
        patient = provider(default_headers=PATIENT, max_retries=RETRIES)
        text_is_there(run(Agent(OpenAIChatModel(AUTO, provider=patient)), "retry"))


def with_langchain() -> None:
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI

    def chat(model: str = AUTO, **options: Any) -> Any:
        return ChatOpenAI(model=model, base_url=URL, api_key=KEY, **options)

    @row("LangChain", "text")
    def _() -> None:
        text_is_there(chat().invoke(said("LangChain", "text")).content)

    @row("LangChain", "stream")
    def _() -> None:
        text_is_there("".join(chunk.content for chunk in chat().stream(said("LangChain", "stream"))))

    @row("LangChain", "structured")
    def _() -> None:
        model = chat(HAIKU).with_structured_output(City, method="json_schema")
        is_city(model.invoke(said("LangChain", "structured")))

    @row("LangChain", "messages")
    def _() -> None:
        model: Any = ChatAnthropic(model_name=AUTO, base_url=ROOT_URL, api_key=KEY)
        text_is_there(model.invoke(said("LangChain", "messages")).text)

    @row("LangChain", "tools")
    def _() -> None:
        by_tool = chat(HAIKU).with_structured_output(City, method="function_calling")
        says_where_tools_stand(lambda: by_tool.invoke(said("LangChain", "tools")))

    @row("LangChain", "retry")
    def _() -> None:
        patient = chat(default_headers=PATIENT, max_retries=RETRIES)
        text_is_there(patient.invoke(said("LangChain", "retry")).content)


def with_litellm() -> None:
    import litellm

    place = {"model": f"openai/{AUTO}", "api_base": URL, "api_key": KEY}

    @row("LiteLLM", "text")
    def _() -> None:
        text_is_there(litellm.completion(**place, messages=talk("LiteLLM", "text")).choices[0].message.content)

    @row("LiteLLM", "structured")
    def _() -> None:
        model = {**place, "model": f"openai/{HAIKU}"}
        answer = litellm.completion(**model, messages=talk("LiteLLM", "structured"), response_format=City)
        is_city(json.loads(answer.choices[0].message.content))

    @row("LiteLLM", "messages")
    def _() -> None:
        model = {"model": f"anthropic/{AUTO}", "api_base": ROOT_URL, "api_key": KEY}
        answer = litellm.completion(**model, messages=talk("LiteLLM", "messages"), max_tokens=1000)
        text_is_there(answer.choices[0].message.content)

    @row("LiteLLM", "tools")
    def _() -> None:
        says_where_tools_stand(lambda: litellm.completion(**place, messages=talk("LiteLLM", "tools"), tools=[TOOL]))

    @row("LiteLLM", "retry")
    def _() -> None:
        params = {**place, "extra_headers": PATIENT, "max_retries": 0}
        router = litellm.Router([{"model_name": "door", "litellm_params": params}], num_retries=RETRIES)
        answer: Any = router.completion("door", talk("LiteLLM", "retry"))
        text_is_there(answer.choices[0].message.content)


def with_llm() -> None:
    from llm.default_plugins.openai_models import Chat

    def model(name: str = AUTO, **options: Any) -> Any:
        return Chat(name, model_name=name, api_base=URL, key=KEY, **options)

    @row("llm", "text")
    def _() -> None:
        text_is_there(model().prompt(said("llm", "text"), stream=False, key=KEY).text())

    @row("llm", "stream")
    def _() -> None:
        text_is_there(model().prompt(said("llm", "stream"), key=KEY).text())

    @row("llm", "structured")
    def _() -> None:
        answer = model(HAIKU, supports_schema=True).prompt(
            said("llm", "structured"), schema=City, stream=False, key=KEY
        )
        is_city(json.loads(answer.text()))


def with_instructor() -> None:
    import instructor
    from openai import OpenAI

    def city(name: str, mode: instructor.Mode, **options: Any) -> Any:
        client: Any = instructor.from_openai(OpenAI(base_url=URL, api_key=KEY, **options), mode=mode)
        return client.chat.completions.create(model=HAIKU, messages=talk("instructor", name), response_model=City)

    @row("instructor", "structured")
    def _() -> None:
        is_city(city("structured", instructor.Mode.JSON_SCHEMA))

    @row("instructor", "tools")
    def _() -> None:
        says_where_tools_stand(lambda: city("tools", instructor.Mode.TOOLS))

    @row("instructor", "retry")
    def _() -> None:
        is_city(city("retry", instructor.Mode.JSON_SCHEMA, default_headers=PATIENT, max_retries=RETRIES))


def with_agents() -> None:
    from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(disabled=True)

    def run(name: str, model: str = AUTO, *, output_type: Any = None, tools: Any = (), **options: Any) -> Any:
        async def answer() -> Any:
            client = AsyncOpenAI(base_url=URL, api_key=KEY, **options)
            asked = OpenAIResponsesModel(model, client)
            agent = Agent(name="door", model=asked, output_type=output_type, tools=list(tools))
            return (await Runner.run(agent, said("openai-agents", name))).final_output

        return asyncio.run(answer())

    @row("openai-agents", "responses")
    def _() -> None:
        text_is_there(run("responses"))

    @row("openai-agents", "structured")
    def _() -> None:
        is_city(run("structured", HAIKU, output_type=City))

    @row("openai-agents", "tools")
    def _() -> None:
        says_where_tools_stand(lambda: run("tools", tools=[function_tool(said)]))

    @row("openai-agents", "retry")
    def _() -> None:
        text_is_there(run("retry", default_headers=PATIENT, max_retries=RETRIES))


def outcome(key: tuple[str, str]) -> dict[str, Any]:
    client, name = key
    result: dict[str, Any] = {"client": client, "row": name, "prompt": said(client, name), "error": None}
    try:
        ROWS[key]()
    except Exception as error:  # noqa: BLE001  (whatever a client raises is its outcome)
        result["error"] = f"{type(error).__name__}: {error}"[:500]
    return result


def main() -> None:
    """Register what is installed, do all of it, and print the outcomes."""
    missing = []
    for register in (
        with_openai,
        with_anthropic,
        with_pydantic_ai,
        with_langchain,
        with_litellm,
        with_llm,
        with_instructor,
        with_agents,
    ):
        try:
            register()
        except ImportError as error:
            missing.append(f"{register.__name__}: {error}")
    with ThreadPoolExecutor(4) as pool:  # those that are sent again come last, when the others have ended
        first = list(pool.map(outcome, [key for key in ROWS if key[1] != "retry"]))
        outcomes = first + list(pool.map(outcome, [key for key in ROWS if key[1] == "retry"]))
    versions = {client: version(package) for client, package in PACKAGES.items()}
    sys.stdout.write(json.dumps({"outcomes": outcomes, "missing": missing, "versions": versions}))


if __name__ == "__main__":
    main()
