"""Passing troubles of the provider, some of them in odd bytes."""

from devstack.fake_providers.presets.shapes import Preset, claude_code, error_action, odd_envelopes

PASSING_PRESETS = {
    "overload": Preset(
        "passing", "the provider is overloaded", {"anthropic": {"status": 529}, "gemini": {"status": 503}}
    ),
    "cancelled": Preset(
        "passing", "the provider's side gave up", {"gemini": {"status": 499}, "anthropic": {"status": 408}}
    ),
    "ramp_limit": Preset(
        "passing",
        "the usage rises too fast; with a hint",
        {
            "anthropic": claude_code(
                429,
                "rate_limit_error",
                "ramp_limit_exceeded",
                "Your usage rises too fast.",
                **{"retry-after": "2"},
            )
        },
    ),
    "no_free_tier": Preset(
        "passing",
        "a free tier of 0 requests (google-gemini/gemini-cli 22486)",
        {
            "gemini": error_action(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota, limit: 0",
                details=[
                    {
                        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                        "violations": [
                            {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},
                            {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
                        ],
                    },
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "25s"},
                ],
            )
        },
    ),
    "gzip_label": Preset(
        "passing",
        "a 429 labelled gzip that is plain (qualixar/superlocalmemory 79)",
        odd_envelopes(headers={"content-encoding": "gzip", "content-type": "application/json", "retry-after": "2"}),
    ),
    "utf16_error": Preset("passing", "a 429 whose body is UTF-16", odd_envelopes(charset="utf-16")),
    "latin1_error": Preset(
        "passing",
        "a 429 whose body is Latin-1, called UTF-8",
        odd_envelopes(charset="cp1252", headers={"content-type": "application/json; charset=utf-8"}),
    ),
    "bom_error": Preset("passing", "a 429 with a byte order mark", odd_envelopes(charset="utf-8-sig")),
    "cut_error": Preset("passing", "a 429 whose body is cut short", odd_envelopes(cut_at=20)),
}
