"""From a target and its candidates to scores: what to run (plan), the process that runs it (worker), watching it
(runner), its files (spool), and reading the outcome (ranking)."""
