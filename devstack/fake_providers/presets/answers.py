"""Refusals of one request, and answers whose form or bill is wrong."""

from devstack.fake_providers.presets.shapes import Preset, error_action, for_both

REQUEST_PRESETS = {
    "unknown_4xx": Preset(
        "request",
        "a refusal that is not in any list, in the provider's format",
        {
            "anthropic": error_action(422, "unprocessable_error", "The request cannot be processed."),
            "gemini": error_action(422, "UNPROCESSABLE", "The request cannot be processed."),
        },
    ),
    "prompt_too_long": Preset("request", "longer than the model's window", for_both({"too_long": 200_000})),
    "content_filtered": Preset(
        "content",
        "a filter blocked the output; a 400 (anthropics/claude-code 58367)",
        {"anthropic": error_action(400, "invalid_request_error", "Output blocked by content filtering policy")},
    ),
    **{
        f"refused_{category or 'uncategorized'}": Preset(
            "content", "a refusal before any output", {"anthropic": {"refusal": {"category": category}}}
        )
        for category in ("bio", "cyber", "frontier_llm", "general_harms", "reasoning_extraction", None)
    },
    "refused_midway": Preset(
        "content",
        "a refusal in the middle of the answer",
        {"anthropic": {"refusal": {"category": "cyber", "text": "First, scan the"}}},
    ),
    "safety": Preset("content", "a filter blocked the answer", {"gemini": {"stop": "SAFETY"}}),
    "prohibited": Preset("content", "a filter blocked the prompt", {"gemini": {"blocked": "PROHIBITED_CONTENT"}}),
    "recitation": Preset(
        "chance",
        "the answer was too close to a known text (google/generative-ai-docs 257)",
        {"gemini": {"stop": "RECITATION"}},
    ),
    "language": Preset("chance", "a language that the model does not speak", {"gemini": {"stop": "LANGUAGE"}}),
    "unexpected_tool_call": Preset(
        "chance", "a call of a tool that nobody offered", {"gemini": {"stop": "UNEXPECTED_TOOL_CALL"}}
    ),
}
ANSWER_PRESETS = {
    "error_200": Preset("answer", "an error with status 200", for_both({"error_in_200": True})),
    "fenced_json": Preset("answer", "structured output in a code fence", for_both({"structured": "fenced"})),
    "surrounded_json": Preset("answer", "structured output with text around", for_both({"structured": "surrounded"})),
    "trailing_comma": Preset(
        "answer", "structured output with a comma too many", for_both({"structured": "trailing_comma"})
    ),
    "half_surrogate": Preset(
        "answer", "half a surrogate pair in the answer", for_both({"structured": "half_surrogate"})
    ),
    "escaped_half_surrogate": Preset(
        "answer", "its escape in structured output", for_both({"structured": "escaped_half_surrogate"})
    ),
    "thinking_only": Preset(
        "answer", "thinking without an answer, at its end", for_both({"thinking": {"tokens": 64, "text": False}})
    ),
    "thinking_eats_all": Preset(
        "answer", "thinking that leaves no room for the answer, unless it is off", for_both({"thinking": "all"})
    ),
}
BILL_PRESETS = {
    "zero_usage": Preset(
        "bill",
        "no tokens for a text",
        {
            "anthropic": {"usage": {"input_tokens": 0, "output_tokens": 0}},
            "gemini": {"usage": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}},
        },
    ),
    "total_above_sum": Preset(
        "bill",
        "a total that its parts do not explain (QuantumNous/new-api 1358)",
        {"gemini": {"usage": {"promptTokenCount": 11, "candidatesTokenCount": 9, "totalTokenCount": 88}}},
    ),
    "thinking_above_output": Preset(
        "bill",
        "more thinking than output",
        {"anthropic": {"usage": {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 50}}}},
    ),
    "no_usage": Preset("bill", "no usage at all", for_both({"usage": None})),
    "inference_geo_us": Preset(
        "bill",
        "a workspace whose calls are served in the US (BerriAI/litellm 38369)",
        {"anthropic": {"usage": {"inference_geo": "us"}}},
    ),
    "downgraded_tier": Preset(
        "bill", "served as standard, whatever tier was asked for", for_both({"service_tier": "standard"})
    ),
}
