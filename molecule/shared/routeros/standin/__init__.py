"""A stand-in for a RouterOS 7 router (MikroTik CHR), for tests: its API, its own words, and real tunnels, routes and rules on Linux.

It is not RouterOS and proves nothing about RouterOS itself; what it knows and what it guesses stands in README.md beside it.
Nothing but the standard library, so that it runs on any host of a scenario; Linux's own tools do the work underneath.
"""
