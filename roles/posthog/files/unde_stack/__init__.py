"""What is done with PostHog's containers as a whole: see whether they are well, back up, restore, and let an upgrade begin.

Managed by unde.infra.posthog. Needs nothing but Python 3.11 and Docker with Compose 2.
"""
