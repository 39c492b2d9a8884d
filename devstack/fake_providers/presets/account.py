"""Troubles of the account or its place: money, limits, keys, permissions, regions."""

from devstack.fake_providers.presets.shapes import Preset, claude_code, error_action, gemini_reason, json_response

_PREPAID = "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing."
ACCOUNT_PRESETS = {
    "credit_used_up": Preset(
        "account",
        "no credit left, said by a sentence alone (anthropics/claude-code 4684, 91322)",
        {
            "anthropic": error_action(
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API. "
                "Please go to Plans & Billing to upgrade or purchase credits.",
            )
        },
    ),
    "billing_402": Preset(
        "account",
        "a payment is due, or the prepaid balance is empty",
        {"anthropic": {"status": 402}, "gemini": error_action(402, "RESOURCE_EXHAUSTED", _PREPAID)},
    ),
    "prepaid_empty": Preset(
        "account",
        "the prepaid balance is empty, said as a 429 without quota (JeffOtano/roni 125)",
        {"gemini": error_action(429, "RESOURCE_EXHAUSTED", _PREPAID)},
    ),
    "organization_spend_limit": Preset(
        "account",
        "the linked organization's spend limit",
        {
            "anthropic": claude_code(
                402, "billing_error", "linked_organization_spend_limit_reached", "Your organization's limit is reached."
            )
        },
    ),
    "spend_limit": Preset(
        "account",
        "the tier's monthly cap, without a hint; Gemini's of 10 minutes",
        {
            "anthropic": claude_code(
                429, "rate_limit_error", "enforced_spend_limit_reached", "You have reached your monthly spend limit."
            ),
            "gemini": error_action(429, "RESOURCE_EXHAUSTED", "Your project is above its spend limit of 10 minutes."),
        },
    ),
    "contract_spend_limit": Preset(
        "account",
        "the contract's spend limit",
        {
            "anthropic": claude_code(
                429, "rate_limit_error", "contract_spend_limit_reached", "Your contract's spend limit is reached."
            )
        },
    ),
    "usage_limit": Preset(
        "account",
        "a limit that the customer set, said by a sentence alone",
        {
            "anthropic": error_action(
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2027-01-01 at 00:00 UTC.",
            )
        },
    ),
    "workspace_usage_limit": Preset(
        "account",
        "the same, of the workspace",
        {
            "anthropic": error_action(
                400,
                "invalid_request_error",
                "You have reached your specified workspace API usage limits. "
                "You will regain access on 2027-01-01 at 00:00 UTC.",
            )
        },
    ),
    "organization_on_hold": Preset(
        "account",
        "trust and safety hold the organization",
        {
            "anthropic": error_action(
                400,
                "invalid_request_error",
                "Your organization is on hold.",
                details={"error_code": "organization_on_hold", "appeal_url": "https://example.com/appeal"},
            )
        },
    ),
    "organization_disabled": Preset(
        "account",
        "the organization is disabled, said by a sentence alone (anthropics/claude-code 72457)",
        {"anthropic": error_action(400, "invalid_request_error", "This organization has been disabled.")},
    ),
    "key_refused": Preset(
        "account",
        "the key is unknown; Gemini says so with a 400",
        {"anthropic": {"invalid_key": True}, "gemini": {"invalid_key": True}},
    ),
    "key_expired": Preset(
        "account",
        "the key has expired",
        {"gemini": gemini_reason(400, "INVALID_ARGUMENT", "API_KEY_INVALID", "API key expired. Please renew the key.")},
    ),
    "no_permission": Preset(
        "account",
        "the key may not use the model",
        {
            "anthropic": {"status": 403},
            "gemini": gemini_reason(
                403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", "Requests to this API are blocked."
            ),
        },
    ),
    "address_blocked": Preset(
        "account",
        "the key is not for this address",
        {
            "gemini": gemini_reason(
                403, "PERMISSION_DENIED", "API_KEY_IP_ADDRESS_BLOCKED", "The address violates the key's restrictions."
            )
        },
    ),
    "service_disabled": Preset(
        "account",
        "the API is not enabled in the project",
        {
            "gemini": gemini_reason(
                403,
                "PERMISSION_DENIED",
                "SERVICE_DISABLED",
                "Generative Language API has not been used before.",
            )
        },
    ),
    "billing_disabled": Preset(
        "account",
        "the project has no active billing",
        {
            "gemini": gemini_reason(
                403, "PERMISSION_DENIED", "BILLING_DISABLED", "This API method requires billing to be enabled."
            )
        },
    ),
    "consumer_suspended": Preset(
        "account",
        "the project is suspended",
        {
            "gemini": gemini_reason(
                403, "PERMISSION_DENIED", "CONSUMER_SUSPENDED", "Permission denied: Consumer has been suspended."
            )
        },
    ),
    "region_not_served": Preset(
        "account",
        "this place is not served (google-gemini/gemini-cli 1993; anthropics/claude-code 1613)",
        {
            "gemini": error_action(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            # The edge refuses it: no `type` beside `error`, and no request id.
            "anthropic": json_response(403, {"error": {"type": "forbidden", "message": "Request not allowed"}}),
        },
    ),
}
