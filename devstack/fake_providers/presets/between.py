"""Pages and errors of what stands between client and provider: proxies, CDNs, gateways."""

from devstack.fake_providers.presets.shapes import Preset, for_both, html_response, json_response, text_response

_RESPONSES = {
    "proxy_404": ("a proxy that does not know the path", text_response(404, "404 page not found\n")),
    "proxy_404_html": ("the same, as nginx says it", html_response(404, "404 Not Found", server="nginx")),
    "proxy_401": ("a proxy that asks for its sign-in", html_response(401, "Sign in", **{"www-authenticate": "Basic"})),
    "proxy_400_json": ("a gateway with an error format of its own", json_response(400, {"message": "Bad Request"})),
    "proxy_404_json": ("a server that is not the provider", json_response(404, {"detail": "Not Found"})),
    "cloudflare_403": ("a CDN's challenge", html_response(403, "Just a moment...", **{"cf-mitigated": "challenge"})),
    "cloudflare_413": ("a CDN that takes no body of this size", html_response(413, "413 Request Entity Too Large")),
    "cloudflare_502": (
        "a CDN that cannot reach it",
        html_response(502, "502: Bad gateway", server="cloudflare"),
    ),
    "cloudflare_504": ("a CDN that gave up waiting", html_response(504, "504: Gateway time-out", server="cloudflare")),
    "proxy_503_text": ("a load balancer without a healthy server", text_response(503, "no healthy upstream")),
    "proxy_503_string": ("the same, as a JSON string", json_response(503, "Service Unavailable")),
    "proxy_429_text": ("a proxy's own rate limit", text_response(429, "Too Many Requests", **{"retry-after": "2"})),
    "html_200": ("a page in place of an answer", html_response(200, "Sign in to this network")),
    "object_200": ("`{}` in place of an answer", json_response(200, {})),
}

BETWEEN_PRESETS = {name: Preset("between", meaning, for_both(action)) for name, (meaning, action) in _RESPONSES.items()}
