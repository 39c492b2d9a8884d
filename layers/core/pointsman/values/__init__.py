"""Values that no room owns: taxonomy, money, tokens, times, strict JSON, limits, errors. They import no other room."""
