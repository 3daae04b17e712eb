"""``bench``: what the product costs, as ratios to baselines that run beside it in the same run.

Everything is real: the product as ``serve`` starts it, PostgreSQL and Valkey, bots that speak the bots' contract, and a
load generator that is a process of its own. Only ratios mean anything on another machine. ``docs/performance.md`` says
how to read the result. Source of the targets: the performance notes, "Targets".
"""
