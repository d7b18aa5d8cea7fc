"""Who may connect and who may call: TLS, tokens, and limits for each caller."""
