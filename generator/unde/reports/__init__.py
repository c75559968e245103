"""How a plan is shown; one output for each module."""
