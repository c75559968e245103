"""The gate in front of PostHog's capture: only the product's own events pass, without content and without anybody's name.

Managed by unde.infra.posthog. Needs nothing but Python 3.11.
"""
